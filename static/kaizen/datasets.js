// Shows what the first rows of a chosen file become; only its beginning is sent for that.
(function () {
  "use strict";

  const HEAD = 256 * 1024;
  const form = document.getElementById("upload");
  if (!form) return;

  async function preview() {
    const file = form.elements.file.files[0];
    if (!file) return;
    const body = new FormData();
    body.set("csrfmiddlewaretoken", form.elements.csrfmiddlewaretoken.value);
    body.set("task", form.elements.task.value);
    body.set("head", file.slice(0, HEAD), file.name);
    const answer = await fetch(form.dataset.preview, { method: "POST", body: body });
    if (answer.ok) document.getElementById("preview").innerHTML = await answer.text();
  }

  form.elements.file.addEventListener("change", preview);
  form.elements.task.addEventListener("change", preview);
})();
