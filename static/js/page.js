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
    if (!target.shadowRoot || target.format === "datetime" || seconds < 0 || seconds >= 60) return;
    target.shadowRoot.textContent = seconds < 2 ? "just now" : `${seconds}s ago`;
  });

  const theme = document.querySelector("[data-theme-next]");
  function nameTheme(choice) {
    if (!theme) return;
    const symbols = { auto: "brightness-half", light: "sun", dark: "moon" };
    theme.title = theme.dataset[choice];
    theme.setAttribute("aria-label", theme.title);
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
      shown.replaceChildren(Object.assign(document.createElement("p"), { className: "quiet", textContent: area.dataset.cleared }));
    }
  });

  // Where this page is opened again with the choices made on it: a form with the field "choices" takes them from the query.
  const NOT_CHOICES = ["csrfmiddlewaretoken", "key", "confirm", "source", "report"];
  window.kvmwebHere = () => {
    const form = document.querySelector("[name=choices]")?.form;
    if (!form) return location.pathname + location.search;
    const values = new URLSearchParams(new FormData(form));
    for (const name of NOT_CHOICES) values.delete(name);
    return `${location.pathname}?${values}`;
  };

  // The session ended, or another one began: said on the page, which would lose what was entered if it left by itself.
  document.addEventListener("kvmweb:refused", ({ detail }) => {
    document.getElementById("refused")?.remove();
    const notice = Object.assign(document.createElement("div"), { id: "refused", className: "notice state-bad" });
    notice.setAttribute("role", "alert");
    const link = Object.assign(document.createElement("a"), { className: "btn btn-plain btn-small", textContent: detail.label });
    const lead = () => {
      const here = window.kvmwebHere();
      link.href = detail.login ? `${detail.login}?${new URLSearchParams({ next: here })}` : here;
    };
    lead();
    for (const name of ["focus", "pointerdown"]) link.addEventListener(name, lead); // the choices may change after this
    notice.append(Object.assign(document.createElement("div"), { textContent: detail.sentence }), link);
    document.getElementById("main").prepend(notice);
    notice.scrollIntoView({ block: "nearest" });
  });

  // A choice whose options say what they do: that of the chosen one is shown.
  document.addEventListener("change", ({ target }) => {
    const said = target.dataset?.explains && document.getElementById(target.dataset.explains);
    if (said) said.textContent = target.selectedOptions[0].dataset.does;
  });

  // Lists are asked without empty filters, so that the address stays readable.
  document.addEventListener("htmx:configRequest", ({ detail }) => {
    if (!detail.elt.matches(".filters")) return;
    for (const [name, value] of Object.entries(detail.parameters)) if (value === "") delete detail.parameters[name];
  });
})();
