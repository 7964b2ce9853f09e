// Ctrl+Enter runs from wherever the cursor is, and a button that was pressed is not pressed again.
(function () {
  "use strict";

  document.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || !(event.ctrlKey || event.metaKey) || event.repeat) return;
    const run = document.getElementById("run");
    if (!run || run.disabled) return;
    event.preventDefault();
    run.form.requestSubmit(run);
  });

  document.addEventListener("submit", (event) => {
    if (event.target.id !== "play" || (event.submitter && event.submitter.name === "save")) return;
    // After the form has been read: a disabled button would not be sent with it.
    setTimeout(() => { document.getElementById("run").disabled = true; });
  });

  window.addEventListener("pageshow", () => {
    const run = document.getElementById("run");
    if (run) run.disabled = false;
  });
})();
