// Shortcuts. Each has a link or button with the same effect: [data-key] is clicked, rows have links.
(() => {
  const keys = {};
  const bind = (key, act) => {
    keys[key] = (event) => {
      if (event.target.closest?.("input, textarea, select, [contenteditable]") || document.querySelector("dialog[open]")) return;
      if (act(event) !== false) event.preventDefault();
    };
  };

  for (const element of document.querySelectorAll("[data-key^='g ']")) bind(element.dataset.key, () => element.click());

  bind("/", () => {
    const search = document.getElementById("search");
    search.focus();
    search.select();
  });
  for (const key of ["?", "Shift+?"]) bind(key, () => document.getElementById("help").showModal());

  const links = () => [...document.querySelectorAll("main .cell-name > a:first-child")];
  const here = () => links().findIndex((link) => link.closest("tr").contains(document.activeElement));
  const step = (by) => {
    const all = links();
    if (!all.length) return false;
    const at = here();
    const next = all[at < 0 ? (by > 0 ? 0 : all.length - 1) : Math.min(all.length - 1, Math.max(0, at + by))];
    next.focus({ preventScroll: true });
    next.scrollIntoView({ block: "nearest" });
  };
  bind("j", () => step(1));
  bind("k", () => step(-1));
  bind("m", () => {
    const row = document.activeElement?.closest?.("[data-migrate]");
    const button = document.querySelector("main [data-key='m']");
    if (row) location.href = row.dataset.migrate;
    else if (button) button.click();
    else return false;
  });

  window.tinykeys.tinykeys(window, keys);

  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    for (const menu of document.querySelectorAll("details.menu[open]")) {
      const inside = menu.contains(document.activeElement);
      menu.open = false;
      if (inside) menu.querySelector("summary").focus();
    }
    if (document.activeElement?.id === "search") document.activeElement.blur();
  });
})();
