// Rate and dirty rate of a migration over time: where they cross, memory changes faster than it is copied.
(() => {
  const box = document.getElementById("graph");
  if (!box) return;
  const MIB = 1024 * 1024;
  let plot = null;
  let columns = [[], [], []];

  const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  const number = (value) => (value === null || value === "" || value === undefined ? null : Number(value) / MIB);
  const shown = (u, value) => (value == null ? "–" : `${value.toFixed(1)} MiB/s`);
  const clock = (seconds) => new Date(seconds * 1000).toLocaleTimeString([], { hour: "numeric", minute: "2-digit", second: "2-digit" });
  const GAP = 5; // a sample so many usual intervals later than the one before follows a gap
  const GAP_SECONDS = 3; // and never sooner than this
  const LABEL = 104; // CSS pixels from one time to the next: "10:00:00 PM" and room around it

  // No line where nothing was measured: an empty sample stands in every gap.
  function withGaps() {
    const times = columns[0];
    const steps = times.slice(1).map((at, i) => at - times[i]);
    const usual = steps.toSorted((a, b) => a - b)[Math.floor(steps.length / 2)] ?? 0;
    const limit = Math.max(GAP_SECONDS, GAP * usual);
    const out = columns.map(() => []);
    times.forEach((at, i) => {
      if (i && steps[i - 1] > limit) out.forEach((column, c) => column.push(c ? null : (times[i - 1] + at) / 2));
      out.forEach((column, c) => column.push(columns[c][i]));
    });
    return out;
  }

  // The legend has the values under the pointer, else the newest.
  const newest = (u) => u.cursor.left >= 0 || u.setLegend({ idx: u.data[0].length - 1 });

  function walk(event) {
    const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (!plot || !step) return;
    event.preventDefault();
    const last = plot.data[0].length - 1;
    const at = Math.min(last, Math.max(0, (plot.cursor.left >= 0 ? plot.cursor.idx : last) + step));
    plot.setCursor({ left: plot.valToPos(plot.data[0][at], "x"), top: 0 });
  }

  function draw() {
    plot?.destroy();
    const font = `12px ${getComputedStyle(box).fontFamily}`;
    const axis = { font, stroke: colour("--ink-2"), grid: { stroke: colour("--line"), width: 1 }, ticks: { stroke: colour("--line"), width: 1 } };
    const line = (label, name, dash) => ({ label, stroke: colour(name), width: 2, dash, value: shown, spanGaps: false, points: { show: columns[0].length < 3 } });
    plot = new uPlot(
      {
        width: Math.max(240, box.clientWidth - 16),
        height: 200,
        padding: [12, 40, 0, 0], // half of a time fits beside the last tick
        cursor: { y: false },
        hooks: { setCursor: [newest] },
        scales: { y: { range: (u, low, high) => [0, Math.max(1, high * 1.1)] } },
        axes: [
          { ...axis, space: LABEL, incrs: [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 1800, 3600, 7200], values: (u, ticks) => ticks.map(clock) },
          { ...axis, size: 52, label: "MiB/s", labelSize: 20, labelFont: font },
        ],
        series: [{ label: "Time", value: (u, value) => (value == null ? "–" : clock(value)) }, line("Rate", "--run"), line("Dirty rate", "--warn", [6, 4])],
      },
      withGaps(),
      box,
    );
    newest(plot);
  }

  function append() {
    const sample = document.getElementById(box.dataset.sample)?.dataset;
    if (!sample?.at) return;
    const at = Date.parse(sample.at) / 1000;
    if (columns[0].length && at <= columns[0].at(-1)) return;
    columns[0].push(at);
    columns[1].push(number(sample.rate));
    columns[2].push(number(sample.dirty));
    if (!plot) return show();
    plot.setData(withGaps());
    newest(plot);
  }

  function show() {
    const enough = columns[0].length > 1;
    box.classList.toggle("is-empty", !enough);
    if (enough) draw();
  }

  async function load() {
    const answer = await fetch(box.dataset.samples, { headers: { Accept: "application/json" } });
    if (!answer.ok) return;
    const [times, rates, dirty] = await answer.json();
    columns = [times, rates.map(number), dirty.map(number)];
    show();
  }

  box.tabIndex = 0;
  box.addEventListener("keydown", walk);

  load();
  document.addEventListener("kvmweb:pushed", append);
  let opened = false;
  document.addEventListener("htmx:wsOpen", () => {
    if (opened) load(); // what was missed while the socket was down
    opened = true;
  });
  new ResizeObserver(() => plot?.setSize({ width: Math.max(240, box.clientWidth - 16), height: 200 })).observe(box);
  new MutationObserver(() => plot && draw()).observe(document.documentElement, { attributeFilter: ["data-bs-theme"] });
})();
