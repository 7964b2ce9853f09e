// Keys for the labelling queue. A key chooses, Enter saves; the page works without them.
(function () {
  "use strict";

  const KEPT = "kaizen.shortcuts";

  function isOn() {
    return localStorage.getItem(KEPT) !== "off";
  }

  function isWriting(place) {
    return place.matches("input[type=text], textarea, select");
  }

  // Single keys can be turned off: speech input and screen readers use them as well.
  function offerSwitch() {
    const offer = document.querySelector("[data-shortcuts]");
    if (!offer) return;
    offer.hidden = false;
    const box = document.getElementById("shortcuts");
    box.checked = isOn();
    box.addEventListener("change", () => localStorage.setItem(KEPT, box.checked ? "on" : "off"));
  }

  function press(key) {
    const found = document.querySelector('[data-key="' + CSS.escape(key) + '"]');
    if (!found || found.disabled) return false;
    found.click();
    if (found.type === "radio") found.focus();
    return true;
  }

  function save(place) {
    const form = document.getElementById("label-form");
    if (!form || place.closest("a, button, summary, input")) return false;
    form.requestSubmit();
    return true;
  }

  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.repeat) return;
    if (isWriting(event.target)) {
      if (event.key === "Escape") document.getElementById("question").focus();
      return;
    }
    const done = event.key === "Enter" ? save(event.target) : isOn() && press(event.key.toLowerCase());
    if (done) event.preventDefault();
  });

  document.addEventListener("DOMContentLoaded", offerSwitch);
  document.addEventListener("htmx:afterSettle", (event) => {
    if (event.target.id !== "labelling") return;
    offerSwitch();
    document.getElementById("question").focus();
  });
})();
