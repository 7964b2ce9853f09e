// A file may be dropped on the form, and names the dataset where nobody has.
(function () {
  "use strict";

  const place = document.getElementById("drop");
  if (!place) return;
  const form = place.closest("form");
  const input = form.elements.file;

  function name() {
    const file = input.files[0];
    if (file && !form.elements.name.value) {
      form.elements.name.value = file.name.replace(/\.[^.]*$/, "").slice(0, 200);
    }
  }

  for (const kind of ["dragenter", "dragover", "dragleave", "drop"]) {
    place.addEventListener(kind, function (event) {
      event.preventDefault();
      place.classList.toggle("is-over", kind === "dragenter" || kind === "dragover");
      if (kind === "drop" && event.dataTransfer.files.length) {
        input.files = event.dataTransfer.files;
        name();
      }
    });
  }
  input.addEventListener("change", name);
})();
