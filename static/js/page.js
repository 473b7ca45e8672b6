// Small helpers of every page: theme, menus, copy buttons, local times, forms that send themselves.
(() => {
  // On hover and in print: to the second, in the browser's own format and zone.
  function exactly(when) {
    return new Intl.DateTimeFormat([], { dateStyle: "medium", timeStyle: "long" }).format(when);
  }

  // <local-time datetime>: the time of day in the reader's zone; the text inside it (UTC) is for pages without JavaScript.
  class LocalTime extends HTMLElement {
    static observedAttributes = ["datetime"];

    attributeChangedCallback() {
      this.root ??= this.attachShadow({ mode: "open" });
      const when = new Date(this.getAttribute("datetime"));
      this.root.textContent = when.toLocaleTimeString([], { timeStyle: "medium" });
      this.title = exactly(when);
    }
  }
  customElements.define("local-time", LocalTime);

  // <relative-time> calls everything of the last minute "now"; here seconds matter: when a host, a VM, the line was last heard.
  // It tells only when its text changes, so every second has to read otherwise than its "now".
  document.addEventListener("relative-time-updated", ({ target }) => {
    if (target.date) target.title = exactly(target.date);
    const seconds = Math.round((Date.now() - target.date) / 1000);
    if (!target.shadowRoot || seconds < 0 || seconds >= 60) return;
    target.shadowRoot.textContent = seconds < 2 ? "just now" : `${seconds}s ago`;
  });

  const theme = document.querySelector("[data-theme-next]");
  function nameTheme(choice) {
    if (!theme) return;
    const names = { auto: "like the system", light: "light", dark: "dark" };
    const symbols = { auto: "brightness-half", light: "sun", dark: "moon" };
    theme.setAttribute("aria-label", `Theme: ${names[choice]}`);
    theme.title = `Theme: ${names[choice]}`;
    const use = theme.querySelector("use");
    use.setAttribute("href", use.getAttribute("href").replace(/#.*/, `#${symbols[choice]}`));
  }
  nameTheme(window.kvmwebTheme.choice());

  async function copy(button) {
    const source = button.dataset.copy ? document.getElementById(button.dataset.copy) : button.parentElement.querySelector("pre");
    const before = button.innerHTML;
    try {
      await navigator.clipboard.writeText(source.textContent);
    } catch {
      // only https and localhost have a clipboard: select it, so that one keystroke copies it
      getSelection().selectAllChildren(source);
      return;
    }
    button.textContent = "Copied";
    setTimeout(() => (button.innerHTML = before), 1_500);
  }

  document.addEventListener("click", (event) => {
    const on = (selector) => event.target.closest(selector);
    for (const menu of document.querySelectorAll("details.menu[open]")) {
      if (!menu.contains(event.target)) menu.open = false;
    }
    if (on("[data-theme-next]")) nameTheme(window.kvmwebTheme.next());
    else if (on("[data-help]")) document.getElementById("help").showModal();
    else if (on("[data-close]")) on("dialog").close();
    else if (on("[data-copy]")) copy(on("[data-copy]"));
    else if (on("[data-href]")) location.href = on("[data-href]").dataset.href;
    else if (event.target.matches("dialog")) event.target.close();
  });

  // Another address is another machine: what was seen at the old one is forgotten.
  document.addEventListener("input", (event) => {
    const area = event.target.closest("[data-clears]");
    const shown = area && document.getElementById(area.dataset.clears);
    if (shown && shown.querySelector("input, dl, .state")) {
      shown.replaceChildren(Object.assign(document.createElement("p"), { className: "quiet", textContent: "Not tested with these values." }));
    }
  });

  // Lists are asked without empty filters, so that the address stays readable.
  document.addEventListener("htmx:configRequest", ({ detail }) => {
    if (!detail.elt.matches(".filters")) return;
    for (const [name, value] of Object.entries(detail.parameters)) if (value === "") delete detail.parameters[name];
  });
})();
