// In <head>, before anything is painted: the saved theme, else the system's. "auto" is not saved.
(() => {
  const root = document.documentElement;
  const system = window.matchMedia("(prefers-color-scheme: dark)");

  function saved() {
    try {
      return localStorage.getItem("theme") || "auto";
    } catch {
      return "auto";
    }
  }

  function apply() {
    const choice = saved();
    root.dataset.bsTheme = choice === "auto" ? (system.matches ? "dark" : "light") : choice;
    root.dataset.themeChoice = choice;
  }

  root.classList.add("js");
  apply();
  system.addEventListener("change", apply);

  window.kvmwebTheme = {
    next() {
      const order = ["auto", "light", "dark"];
      const choice = order[(order.indexOf(saved()) + 1) % order.length];
      try {
        localStorage.setItem("theme", choice);
      } catch {
        // no storage: the choice lasts until the page is left
      }
      root.dataset.themeChoice = choice;
      root.dataset.bsTheme = choice === "auto" ? (system.matches ? "dark" : "light") : choice;
      return choice;
    },
    choice: saved,
  };
})();
