// A job as it happens: draws its curve in the colours of the theme, reads a new sentence out once,
// and says how old the page is when the server does not answer.
(function () {
  "use strict";

  let heardAt = Date.now();
  let isLate = false;

  function colour(name) {
    return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  }

  function points(fill) {
    return { show: true, size: 9, width: 2, stroke: colour("--kz-accent"), fill: fill };
  }

  // From a little below the lowest score to a little above the highest, in whole tenths.
  function range(rows) {
    const scores = rows.flat().filter((score) => score !== null);
    const low = Math.floor(Math.min(...scores) * 10 - 0.3) / 10;
    const high = Math.ceil(Math.max(...scores) * 10 + 0.3) / 10;
    return [Math.max(0, low), Math.min(1, high)];
  }

  function options(width, rows) {
    const axis = {
      stroke: colour("--kz-ink-quiet"),
      grid: { stroke: colour("--kz-line"), width: 1 },
      ticks: { stroke: colour("--kz-line") },
      font: "12px system-ui",
    };
    const hidden = () => null;
    const [low, high] = range(rows.slice(1));
    const trials = rows[0];
    return {
      width: width,
      height: 260,
      padding: [12, 12, 0, 0],
      legend: { show: false },
      cursor: { show: false },
      scales: {
        x: { time: false, range: [trials[0] - 0.5, trials[trials.length - 1] + 0.5] },
        y: { range: [low, high] },
      },
      axes: [
        Object.assign({ incrs: [1, 2, 5, 10, 20, 50] }, axis),
        Object.assign({ values: (_, ticks) => ticks.map((v) => Math.round(v * 100) + " %") }, axis),
      ],
      // Lines first, so that points lie on top of them.
      series: [
        {},
        { stroke: colour("--kz-ink-quiet"), width: 2, dash: [6, 6], points: { show: false } },
        { stroke: colour("--kz-good"), width: 2, spanGaps: true, paths: uPlot.paths.stepped({ align: 1 }), points: { show: false } },
        { paths: hidden, points: points(colour("--kz-paper")) },
        { paths: hidden, points: points(colour("--kz-accent")) },
      ],
    };
  }

  function draw() {
    const place = document.getElementById("curve");
    const source = document.getElementById("curve-data");
    if (!place || !source) return;
    const data = JSON.parse(source.textContent);
    const rows = [data.trial, data.baseline, data.best, data.minibatch, data.full];
    place.replaceChildren();
    new uPlot(options(place.clientWidth || 320, rows), rows, place);
  }

  function say() {
    const place = document.getElementById("job-said");
    const job = document.getElementById("job");
    if (place && job && place.textContent !== job.dataset.said) place.textContent = job.dataset.said;
  }

  function age() {
    const place = document.getElementById("job-late");
    if (!place) return;
    place.hidden = !isLate;
    place.querySelector("span").textContent = Math.round((Date.now() - heardAt) / 1000);
  }

  document.addEventListener("DOMContentLoaded", draw);
  document.addEventListener("htmx:afterSettle", () => {
    draw();
    say();
  });
  document.addEventListener("htmx:beforeRequest", (event) => {
    // Nobody looks at a hidden page; its next poll after that finds all that is new.
    if (event.target.id === "job" && document.hidden) event.preventDefault();
  });
  document.addEventListener("htmx:beforeSwap", (event) => {
    // An ended session answers with the page to sign in.
    if (event.target.id === "job" && !event.detail.xhr.responseURL.includes("/live/")) {
      event.preventDefault();
      window.location.reload();
    }
  });
  document.addEventListener("htmx:afterRequest", (event) => {
    isLate = !event.detail.successful;
    if (!isLate) heardAt = Date.now();
    age();
  });
  window.setInterval(age, 1000);
  window.addEventListener("resize", draw);
  window.matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
  new MutationObserver(draw).observe(document.documentElement, { attributeFilter: ["data-theme"] });
})();
