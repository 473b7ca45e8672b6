// The page's socket (hx-ws): pushed fragments are patched by topic and id, a "changed" signal makes the page read its
// own #live region again, and a silent or closed socket is shown: values turn grey, actions warn.
(() => {
  const QUIET_MS = 6_000; // the server beats every 3 s
  const GRACE_MS = 2_000; // a reload or a short break is not worth a banner
  const EVERY_MS = 300;
  const AGAIN_MS = 60_000; // what has changed although nothing was told: ages, a watcher that hangs
  const READ_MS = 15_000; // then give up: a kept connection may be as dead as the socket

  let open = false;
  let heard = Date.now();
  let tried = Date.now();
  let socket = null;
  let refused = "";
  let reading = false;
  let again = false;
  let timer = null;
  let publicSocket = null;
  const banner = document.getElementById("stale"); // with the sentences

  htmx.config.wsReconnectDelay = (tries) => Math.min(5_000, 250 * 2 ** tries) * (0.5 + Math.random() / 2);
  htmx.createWebSocket = (url) => {
    tried = Date.now();
    return (socket = new WebSocket(url));
  };

  // A push is all fragments of one topic. Only what this page shows of that topic is patched.
  function patch(topic, fragments) {
    const box = document.createElement("template");
    for (const [id, html] of Object.entries(fragments)) {
      const shown = document.getElementById(id);
      if (shown?.dataset.topic !== topic) continue;
      box.innerHTML = html;
      const fresh = box.content.firstElementChild;
      if (fresh?.id === id && fresh.dataset.topic === topic) Idiomorph.morph(shown, fresh);
    }
    showTitle();
    document.dispatchEvent(new CustomEvent("kvmweb:pushed"));
  }

  Idiomorph.defaults.ignoreActiveValue = true; // nobody's typing is undone

  // What a person opened or chose stays so, and times keep the title they made themselves.
  const KEPT = { open: "details, dialog", checked: "input", selected: ".controls option", title: "relative-time, local-time" };
  Idiomorph.defaults.callbacks.beforeAttributeUpdated = (name, node) => !(KEPT[name] && node.matches(KEPT[name]));
  // The graph draws itself, and what is typed into these forms must not be lost. Pushes
  // and re-read pages can overtake each other: what is older than what is shown is left out.
  Idiomorph.defaults.callbacks.beforeNodeMorphed = (old, fresh) =>
    !["graph", "close-form", "policy-form", "installation-form"].includes(old.id) && !(Number(fresh.dataset?.revision) < Number(old.dataset?.revision));

  function readAgain() {
    clearTimeout(timer);
    timer = setTimeout(read, EVERY_MS);
  }

  // An error page cannot be read again at its own address; every page has the running migrations.
  function address() {
    return document.querySelector("[data-no-page]") ? "/" : location.pathname + location.search;
  }

  async function read() {
    if (document.hidden || reading) {
      again = true;
      return;
    }
    reading = true;
    again = false;
    const region = document.getElementById("live") ? "#live" : "#running";
    try {
      await htmx.ajax("GET", address(), {
        source: "#socket",
        target: region,
        select: region,
        swap: "morph:outerHTML",
        selectOOB: ["#running", "#alarms", "#targets"]
          .filter((part) => part !== region && document.querySelector(part))
          .map((part) => `${part}:morph`)
          .join(),
      });
    } catch {
      setTimeout(readAgain, QUIET_MS);
    } finally {
      reading = false;
      if (again) readAgain();
    }
  }

  document.addEventListener("visibilitychange", () => {
    if (document.hidden) return;
    if (!open && publicSocket && !refused) publicSocket.reconnect();
    if (again) readAgain();
  });

  document.addEventListener("htmx:configRequest", ({ detail }) => {
    if (detail.elt.id === "socket") detail.timeout = READ_MS;
  });

  document.addEventListener("htmx:beforeSwap", (event) => {
    const { xhr, requestConfig, serverResponse } = event.detail;
    if (requestConfig.elt.id !== "socket") return;
    const elsewhere = new URL(xhr.responseURL).pathname !== new URL(address(), location.href).pathname;
    if (elsewhere || xhr.status === 403 || xhr.status === 404) location.reload(); // logged out, or gone
    if (elsewhere || xhr.status >= 400 || !serverResponse.includes(`id="${event.detail.target.id}"`)) {
      event.detail.shouldSwap = false;
    }
    // a filter was changed in the meantime: what was read is the answer to the one before
    if (!elsewhere && address() !== "/" && new URL(xhr.responseURL).search !== location.search) {
      event.detail.shouldSwap = false;
      again = true;
    }
    event.detail.ignoreTitle = titled() !== null; // as new as what it stands for, which may be newer than this page
  });
  document.addEventListener("htmx:afterSwap", showTitle);

  document.addEventListener("htmx:wsBeforeMessage", (event) => {
    heard = Date.now();
    if (document.body.classList.contains("is-stale")) showStale();
    event.preventDefault(); // htmx would look for ids alone
    const said = JSON.parse(event.detail.message);
    if (said.changed) readAgain();
    if (said.fragments) patch(said.topic, said.fragments);
  });

  document.addEventListener("htmx:wsOpen", (event) => {
    open = true;
    heard = Date.now();
    publicSocket = event.detail.socketWrapper;
    showStale();
  });

  document.addEventListener("htmx:wsClose", (event) => {
    open = false;
    publicSocket = event.detail.socketWrapper || publicSocket;
    const code = event.detail.event.code;
    if (code >= 4400 && code < 4500) refused = banner.dataset.refused;
    setTimeout(showStale, GRACE_MS);
  });

  function titled() {
    return document.querySelector("#live [data-title]");
  }

  function showTitle() {
    const title = titled()?.dataset.title;
    if (title && document.title !== title) document.title = title;
  }

  // A socket whose connection was cut silently stays open, even when the network is back, and so does a new handshake.
  // htmx opens the next socket when a handshake was given up.
  function renew() {
    if (refused || Date.now() - Math.max(heard, tried) <= QUIET_MS) return;
    if (socket?.readyState === WebSocket.CONNECTING) socket.close();
    if (socket?.readyState !== WebSocket.OPEN) return;
    open = false;
    socket.onclose = null; // it may take long, and the next one is open then
    socket.close();
    publicSocket.reconnect();
  }

  function warnAtActions(off) {
    if (!off) {
      for (const warning of document.querySelectorAll(".may-not-arrive")) warning.remove();
      return;
    }
    for (const form of document.querySelectorAll("main form[method='post']")) {
      const button = [...form.elements].find((each) => each.type === "submit");
      if (!button) continue;
      let warning = button.previousElementSibling;
      if (!warning?.matches(".may-not-arrive")) {
        warning = Object.assign(document.createElement("p"), { className: "may-not-arrive" });
        button.before(warning);
      }
      warning.textContent = refused || banner.dataset.action;
    }
  }

  function showStale() {
    const silent = Date.now() - heard > QUIET_MS;
    const off = refused !== "" || !open || silent;
    const text = banner.querySelector(".stale-text");
    document.body.classList.toggle("is-stale", off);
    warnAtActions(off);
    if (banner.classList.toggle("is-on", off)) {
      if (refused) text.textContent = refused;
      else if (!text.querySelector("relative-time")) {
        const when = document.createElement("relative-time");
        when.setAttribute("datetime", new Date(heard).toISOString());
        when.setAttribute("precision", "second");
        when.setAttribute("format-style", "narrow");
        when.setAttribute("threshold", "P7D");
        when.setAttribute("prefix", "");
        text.replaceChildren(`${banner.dataset.off} `, when, `. ${banner.dataset.hint}`);
      }
    } else {
      text.replaceChildren();
    }
  }

  function look() {
    renew();
    showStale();
  }
  setTimeout(() => setInterval(look, 1_000), GRACE_MS * 2);
  setInterval(readAgain, AGAIN_MS);
})();
