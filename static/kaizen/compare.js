// Opens a decision in a dialog; without script its link leads to a page of its own.
(function () {
  "use strict";

  function open(link, dialog, event) {
    event.preventDefault();
    dialog.showModal();
    dialog.addEventListener("close", () => link.focus(), { once: true });
  }

  document.querySelectorAll("[data-dialog]").forEach((link) => {
    const dialog = document.getElementById(link.dataset.dialog);
    if (!dialog || !dialog.showModal) return;
    link.setAttribute("aria-haspopup", "dialog");
    link.addEventListener("click", (event) => open(link, dialog, event));
    dialog.querySelector("[data-close]").addEventListener("click", (event) => {
      event.preventDefault();
      dialog.close();
    });
  });
})();
