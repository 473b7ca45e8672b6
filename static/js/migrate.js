// The migrate page: a verdict holds for the choices, the host and the minute it was made for, and is withdrawn after.
(() => {
  const FRESH_MS = 60_000; // FRESH_SECONDS in pages/reports.py
  const made = new WeakMap(); // when each report was true, by this browser's clock, and the VM's state then
  const form = document.getElementById("migrate");

  const report = () => document.getElementById("report");
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

  function assess() {
    const live = document.getElementById("live")?.dataset;
    if (!live) return;
    if (!form) {
      if (live.host && !live.moving) location.reload(); // it can be migrated again
      return;
    }
    const shown = report();
    if (!shown) return;
    if (!made.has(shown)) made.set(shown, { at: Date.now() - 1_000 * Number(shown.dataset.age ?? 0), state: live.state });
    const [obstacle, past, ...more] = against(live, shown);
    if (obstacle) {
      withdraw(`${obstacle} This check no longer applies.`, ...more);
      shown.dataset.past = past;
    } else if (shown.dataset.past) withdraw(`${shown.dataset.past} since this check. Check again.`);
    else age(shown);
  }

  // What a page that was read since says against the check: [the obstacle, how it is told once it is over, a link].
  function against(live, shown) {
    const { guest, host } = form.dataset;
    const target = form.querySelector("[name=target]:checked");
    const link = () => element("a", { className: "btn btn-plain btn-small", href: window.kvmwebHere(), textContent: "Choose again" });
    if (live.moving) return [`${guest} is migrating now.`, "A migration of this VM has ended"];
    if (!live.host) return [`No registered host reports ${guest} now.`, `${guest} was gone`];
    if (live.host !== host) return [`${guest} is on ${live.hostName} now.`, `${guest} was on another host`, link()];
    if (shown.dataset.age === undefined || (shown.querySelector("#go").disabled && !shown.dataset.past)) return []; // it says no itself
    if (live.closed) return [`${live.hostName} is not connected.`, `${live.hostName} was not available`];
    if (live.state !== made.get(shown).state) return [`The state of ${guest} has changed.`, `The state of ${guest} has changed`];
    if (target && !target.disabled) return [];
    const name = target?.dataset.host ?? "The destination host";
    return [`${name} cannot take ${guest} now.`, `${name} was not available`];
  }

  function age(shown) {
    if (!shown.dataset.age || shown.dataset.withdrawn) return;
    if (Date.now() - made.get(shown).at > FRESH_MS) withdraw("This check is more than a minute old. Check again before you migrate.");
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

  // Before anybody has chosen anything: a VM whose disks are local to its host is offered with them.
  function preselect() {
    const button = report()?.querySelector("[data-use-kind=blocker]");
    if (!asComes || !report() || report().getAttribute("aria-busy")) return;
    asComes = false;
    if (!button) return;
    kindChosen.textContent = "Live with storage is selected: this VM has disks that both hosts do not share.";
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
    const again = element("button", { type: "button", className: "btn btn-plain btn-small", textContent: "Check again" });
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
    withdraw("Checking again…");
  });
  for (const name of ["htmx:sendError", "htmx:responseError", "htmx:timeout"]) {
    document.addEventListener(name, ({ detail }) => {
      const shown = report();
      if (!shown || detail.target !== shown || detail.xhr?.getResponseHeader("HX-Trigger")) return;
      const why = { 0: "kvmweb did not answer", 503: "kvmweb's database is busy or full" }[detail.xhr?.status || 0];
      failed(shown, why ? `${why}: the check was not made. Try again in a moment.` : "The check was not made. Try again.");
    });
  }
  document.addEventListener("kvmweb:refused", ({ detail }) => {
    if (report()) failed(report(), detail.sentence);
  });
  document.addEventListener("htmx:afterSettle", settled);
  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-use-kind]");
    if (!button) return;
    event.preventDefault();
    use(button);
  });
  let byHand = false; // disks that somebody ticked stay as they are
  form?.addEventListener(
    "change",
    ({ target, isTrusted }) => {
      if (isTrusted) {
        asComes = false;
        kindChosen.textContent = "";
      }
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
