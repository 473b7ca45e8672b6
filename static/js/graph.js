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

  function draw() {
    plot?.destroy();
    const axis = { stroke: colour("--ink-2"), grid: { stroke: colour("--line"), width: 1 }, ticks: { stroke: colour("--line"), width: 1 } };
    const line = (label, name, dash) => ({ label, stroke: colour(name), width: 2, dash, value: shown, spanGaps: true, points: { show: columns[0].length < 3 } });
    plot = new uPlot(
      {
        width: Math.max(240, box.clientWidth - 16),
        height: 200,
        cursor: { y: false },
        scales: { y: { range: (u, low, high) => [0, Math.max(1, high * 1.1)] } },
        axes: [{ ...axis, values: [[1, "{HH}:{mm}:{ss}", null, null, null, null, null, null, 1]] }, { ...axis, size: 60, label: "MiB/s", labelSize: 20 }],
        series: [{ label: "Time", value: "{HH}:{mm}:{ss}" }, line("Rate", "--run"), line("Dirty rate", "--warn", [6, 4])],
      },
      columns,
      box,
    );
  }

  function append() {
    const sample = document.getElementById("sample")?.dataset;
    if (!sample?.at) return;
    const at = Date.parse(sample.at) / 1000;
    if (columns[0].length && at <= columns[0].at(-1)) return;
    columns[0].push(at);
    columns[1].push(number(sample.rate));
    columns[2].push(number(sample.dirty));
    if (plot) plot.setData(columns);
    else show();
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
