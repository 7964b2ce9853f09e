// A button copies the text of the element it names, or else the page's address; without script the
// text is there to select.
for (const button of document.querySelectorAll("[data-copy]")) {
  const said = button.parentElement.querySelector("[data-copied]");
  button.hidden = !navigator.clipboard;
  button.addEventListener("click", async () => {
    const named = document.getElementById(button.dataset.copy);
    await navigator.clipboard.writeText(named ? named.textContent : location.origin + location.pathname);
    said.textContent = said.dataset.copied;
  });
}
