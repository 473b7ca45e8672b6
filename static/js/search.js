// The search of every page suggests while somebody types (a combobox with a list): arrows choose, Enter opens what is
// chosen, else the form is sent, and the server opens the only hit. The focus stays in the field.
(() => {
  const field = document.getElementById("search");
  const list = document.getElementById("found");
  if (!field || !list) return;

  const options = () => [...list.querySelectorAll("[role=option]:not([aria-disabled])")];
  const chosen = () => list.querySelector("[aria-selected=true]");

  function show(on) {
    list.hidden = !on;
    field.setAttribute("aria-expanded", String(on));
    if (!on) choose(null);
  }

  function choose(option) {
    chosen()?.removeAttribute("aria-selected");
    option?.setAttribute("aria-selected", "true");
    option?.scrollIntoView({ block: "nearest" });
    if (option) field.setAttribute("aria-activedescendant", option.id);
    else field.removeAttribute("aria-activedescendant");
  }

  document.addEventListener("htmx:beforeSwap", ({ detail }) => {
    if (detail.requestConfig.elt === field.form && detail.xhr.status >= 400) detail.shouldSwap = false;
  });
  document.addEventListener("htmx:afterSwap", ({ detail }) => {
    if (detail.target !== list) return;
    choose(null);
    show(list.childElementCount > 0 && document.activeElement === field);
  });

  field.addEventListener("keydown", (event) => {
    const all = options();
    const at = all.indexOf(chosen());
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      if (!all.length) return;
      event.preventDefault();
      const next = event.key === "ArrowDown" ? at + 1 : at < 0 ? all.length - 1 : at - 1;
      show(true);
      choose(all[next] ?? null); // past either end is the field itself
    } else if (event.key === "Enter" && at >= 0) {
      event.preventDefault();
      all[at].click();
    } else if (event.key === "Escape" && !list.hidden) {
      event.preventDefault();
      event.stopPropagation(); // the field keeps focus and text
      show(false);
    }
  });
  field.addEventListener("focus", () => show(field.value.trim() !== "" && list.childElementCount > 0));
  field.addEventListener("blur", () => setTimeout(() => show(false), 150)); // a click on a suggestion comes first
})();
