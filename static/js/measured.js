// How far a copy is comes with every look of its worker. When a worker ends, the socket stays open and nothing comes:
// after a few seconds the last values turn grey and say how old they are.
(() => {
  const QUIET_MS = 6_000;
  const came = new WeakMap(); // element -> the revision it shows and when this browser got it

  function look() {
    for (const shown of document.querySelectorAll("[data-measured]")) {
      const { revision } = shown.dataset;
      if (came.get(shown)?.revision !== revision) came.set(shown, { revision, at: Date.now() });
      const quiet = Date.now() - came.get(shown).at;
      const old = quiet > QUIET_MS && !document.body.classList.contains("is-stale"); // which says it for the whole page
      shown.classList.toggle("is-silent", old);
      const note = shown.querySelector("[data-old]");
      if (old && note) note.textContent = `${note.dataset.old} ${Math.floor(quiet / 1_000)} s`;
    }
  }

  for (const name of ["kvmweb:pushed", "htmx:afterSwap"]) document.addEventListener(name, look);
  setInterval(look, 1_000);
  look();
})();
