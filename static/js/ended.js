// Announces the end of a migration on whatever page is open. The drawer, rendered for this viewer, lists what ended;
// what this tab has not announced yet becomes a notice. The first page of a tab announces nothing: all of it is old.
(() => {
  const STAYS_MS = 12_000; // a bad end stays until it is closed
  const KEPT = "kvmweb-ended";

  const shown = () => [...document.querySelectorAll("#running [data-ended]")];

  function stored() {
    try {
      return JSON.parse(sessionStorage.getItem(KEPT));
    } catch {
      return null;
    }
  }

  function store(known) {
    try {
      sessionStorage.setItem(KEPT, JSON.stringify([...known]));
    } catch {
      // without storage an end between two pages is not announced
    }
  }

  function announce(ended) {
    if (new URL(ended.href).pathname === location.pathname) return; // this page says it itself
    const toast = Object.assign(document.createElement("div"), { className: "toast-line" });
    const link = ended.cloneNode(true);
    link.removeAttribute("data-ended");
    const close = Object.assign(document.createElement("button"), { type: "button", className: "tool", textContent: "×" });
    close.setAttribute("aria-label", "Close");
    close.addEventListener("click", () => toast.remove());
    toast.append(link, close);
    document.getElementById("toasts").append(toast);
    if (ended.querySelector(".state-bad")) return;
    setTimeout(function leave() {
      if (toast.matches(":hover, :focus-within")) setTimeout(leave, 2_000);
      else toast.remove();
    }, STAYS_MS);
  }

  let known = stored() && new Set(stored());
  function look() {
    const all = shown();
    if (known) for (const ended of all.reverse()) if (!known.has(ended.dataset.ended)) announce(ended);
    known = new Set([...(known ?? []), ...all.map((ended) => ended.dataset.ended)].slice(-200));
    store(known);
  }

  look();
  for (const name of ["htmx:afterSwap", "htmx:oobAfterSwap", "kvmweb:read"]) document.addEventListener(name, look);
})();
