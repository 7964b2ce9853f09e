// Draws the curve of a job, again after every poll, in the colours of the current theme.
(function () {
  "use strict";

  function colour(name) {
    return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  }

  function points(fill) {
    return { show: true, size: 9, width: 2, stroke: colour("--kz-accent"), fill: fill };
  }

  function options(width) {
    const axis = {
      stroke: colour("--kz-ink-quiet"),
      grid: { stroke: colour("--kz-line"), width: 1 },
      ticks: { stroke: colour("--kz-line") },
      font: "12px system-ui",
    };
    const hidden = () => null;
    return {
      width: width,
      height: 260,
      legend: { show: false },
      cursor: { show: false },
      scales: { x: { time: false }, y: { range: [0, 1] } },
      axes: [
        Object.assign({ incrs: [1, 2, 5, 10, 20, 50] }, axis),
        Object.assign({ values: (_, ticks) => ticks.map((v) => Math.round(v * 100) + " %") }, axis),
      ],
      series: [
        {},
        { paths: hidden, points: points(colour("--kz-accent")) },
        { paths: hidden, points: points(colour("--kz-paper")) },
        { stroke: colour("--kz-good"), width: 2, points: { show: false } },
        { stroke: colour("--kz-ink-quiet"), width: 2, dash: [6, 6], points: { show: false } },
      ],
    };
  }

  function draw() {
    const place = document.getElementById("curve");
    const source = document.getElementById("curve-data");
    if (!place || !source) return;
    const data = JSON.parse(source.textContent);
    place.replaceChildren();
    const rows = [data.trial, data.full, data.minibatch, data.best, data.baseline];
    new uPlot(options(place.clientWidth || 320), rows, place);
  }

  document.addEventListener("DOMContentLoaded", draw);
  document.addEventListener("htmx:afterSettle", draw);
  window.addEventListener("resize", draw);
  new MutationObserver(draw).observe(document.documentElement, { attributeFilter: ["data-theme"] });
})();
