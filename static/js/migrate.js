// The migrate page: a verdict holds for the choices, the host and the minute it was made for, and is withdrawn after.
(() => {
  const made = new WeakMap(); // when each report was true, by this browser's clock, and the VM's state then
  const form = document.getElementById("migrate");
  const says = form?.dataset; // words/verdict.py

  const report = () => document.getElementById("report");
  const stays = () => form.querySelector("[name=kind]:checked")?.dataset.stays !== undefined; // no destination
  const element = (tag, values, ...inside) => {
    const one = Object.assign(document.createElement(tag), values);
    one.append(...inside);
    return one;
  };

  function withdraw(sentence, ...more) {
    const shown = report();
    if (!shown || shown.dataset.withdrawn === sentence) return;
    shown.dataset.withdrawn = sentence;
    shown.classList.remove("state-ok", "state-warn", "state-bad", "state-unk");
    shown.classList.add("is-withdrawn");
    shown.querySelector("#go").disabled = true;
    shown.querySelector(".verdict").replaceChildren(element("span", { textContent: sentence }), ...more);
  }

  // As soon as it is on the page: what it says was true then, not when this browser gets round to looking at it.
  function note() {
    const shown = report();
    if (!shown || made.has(shown)) return;
    const { state } = document.getElementById("live").dataset;
    made.set(shown, { at: Date.now() - 1_000 * Number(shown.dataset.age ?? 0), state });
  }

  function assess() {
    const live = document.getElementById("live")?.dataset;
    if (!live) return;
    if (!form) {
      if (live.host && !live.moving) location.reload(); // it can be migrated again
      return;
    }
    const shown = report();
    if (!shown) return;
    note();
    const [obstacle, host, ...more] = against(live, shown);
    const said = (what) => says[what].replace("{host}", () => host);
    if (obstacle) {
      withdraw(said(obstacle), ...more);
      shown.dataset.past = said(`${obstacle}Past`);
    } else if (shown.dataset.past) withdraw(shown.dataset.past);
    else age(shown);
  }

  // What the page, which reads itself again, says against the check: [what, a host's name, a link].
  function against(live, shown) {
    const target = form.querySelector("[name=target]:checked");
    const link = () => element("a", { className: "btn btn-plain btn-small", href: window.kvmwebHere(), textContent: says.choose });
    if (live.moving) return ["migrating"];
    if (!live.host) return ["gone"];
    if (live.host !== says.host) return ["elsewhere", live.hostName, link()];
    if (shown.dataset.age === undefined || (shown.querySelector("#go").disabled && !shown.dataset.past)) return []; // it says no itself
    if (live.closed) return ["closed", live.hostName];
    if (live.state !== made.get(shown).state) return ["changed"];
    if (stays()) return [];
    return target && !target.disabled ? [] : ["unavailable", target?.dataset.host ?? says.destination];
  }

  function age(shown) {
    if (!shown.dataset.age || shown.dataset.withdrawn) return;
    if (Date.now() - made.get(shown).at > 1_000 * Number(says.fresh)) withdraw(says.old);
  }

  // A report of "Live with storage" names the disks that are copied: these are ticked.
  function tick() {
    const copied = report()?.dataset.copied?.split(" ");
    if (!copied) return;
    for (const box of form.querySelectorAll("[name=copy_disks]")) box.checked = copied.includes(box.value);
  }

  let asComes = !location.search.includes("choices=") && !location.search.includes("preflight=");
  const kindChosen = document.getElementById("kind-chosen");

  function use(button) {
    form.querySelector(`[name=kind][value=${button.value}]`).checked = true;
    htmx.trigger(form, "change");
  }

  // With what it means in sight: its consequence is beside the box.
  function choose(option) {
    const box = form.querySelector(`[name=${option}]`);
    box.checked = true;
    box.closest("details")?.setAttribute("open", "");
    box.focus();
    htmx.trigger(form, "change");
  }

  // Before anybody has chosen anything: a VM whose disks are local to its host is offered with them, and one that is shut
  // off as it is.
  function preselect() {
    const button = report()?.querySelector("[data-use-kind=blocker]:not([value=stop_move_start])");
    if (!asComes || !report() || report().getAttribute("aria-busy")) return;
    asComes = false;
    if (!button) return;
    kindChosen.textContent = button.value === "offline" ? says.offline : says.storage;
    use(button);
  }

  function settled({ detail }) {
    if (form && detail.target?.id === "report" && !report()?.dataset.withdrawn) {
      tick();
      preselect();
    }
    assess();
  }

  function failed(shown, sentence) {
    shown.classList.remove("is-busy");
    const again = element("button", { type: "button", className: "btn btn-plain btn-small", textContent: says.again });
    again.addEventListener("click", () => htmx.trigger(form, "change"));
    withdraw(sentence, ...(shown.getAttribute("aria-busy") ? [again] : []));
    shown.removeAttribute("aria-busy");
  }

  document.addEventListener("htmx:beforeRequest", ({ detail }) => {
    const shown = report();
    if (!shown || detail.target !== shown || shown.getAttribute("aria-busy")) return;
    shown.classList.add("is-busy");
    delete shown.dataset.withdrawn;
    delete shown.dataset.past;
    withdraw(says.checking);
  });
  for (const name of ["htmx:sendError", "htmx:responseError", "htmx:timeout"]) {
    document.addEventListener(name, ({ detail }) => {
      const shown = report();
      if (!shown || detail.target !== shown || detail.xhr?.getResponseHeader("HX-Trigger")) return;
      failed(shown, { 0: says.silent, 503: says.busy }[detail.xhr?.status || 0] ?? says.failed);
    });
  }
  document.addEventListener("kvmweb:refused", ({ detail }) => {
    if (report()) failed(report(), detail.sentence);
  });
  document.addEventListener("htmx:afterSwap", note);
  document.addEventListener("htmx:afterSettle", settled);
  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-use-kind], [data-use-option]");
    if (!button) return;
    event.preventDefault();
    if (button.dataset.useOption) choose(button.dataset.useOption);
    else use(button);
  });
  let byHand = false; // disks that somebody ticked stay as they are
  form?.addEventListener(
    "change",
    ({ target, isTrusted }) => {
      if (isTrusted) {
        asComes = false;
        kindChosen.textContent = "";
      }
      if (target.name === "kind" && stays()) document.getElementById("places")?.setAttribute("open", "");
      if (target.name === "copy_disks") byHand = true;
      else if (!byHand) for (const box of form.querySelectorAll("[name=copy_disks]")) box.checked = false; // the check chooses
    },
    true,
  );
  document.addEventListener("visibilitychange", assess);
  window.addEventListener("pageshow", assess);
  setInterval(assess, 1_000);
  assess();
})();
