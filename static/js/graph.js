// How a migration goes over time, in three graphs above each other with one time axis: rate and dirty rate (where they
// cross, memory changes faster than it is copied), what each pass left to copy, the downtime that is allowed and needed.
(() => {
  const box = document.getElementById("graph");
  if (!box) return;
  const MIB = 1024 * 1024;
  // as in samples.json: time, rate, dirty rate, pass, left, allowed, needed
  const UNITS = [1, MIB, MIB, 1, MIB, 1, 1];
  const SAMPLE = ["at", "rate", "dirty", "pass", "left", "allowed", "needed"];
  const PASS = 3;
  const LEFT = 4;
  const stepped = uPlot.paths.stepped({ align: 1 });
  const PLOTS = {
    rates: { unit: "MiB/s", digits: 1, lines: [["Rate", 1, "--run"], ["Dirty rate", 2, "--warn", { dash: [6, 4] }]] },
    passes: { unit: "MiB", digits: 1, lines: [["Left", LEFT, "--run", { paths: stepped, filled: true }]] },
    downtime: { unit: "ms", digits: 0, lines: [["Allowed downtime", 5, "--ok", { paths: stepped }], ["Needed", 6, "--warn", { dash: [6, 4] }]] },
  };
  const GAP = 5; // a sample so many usual intervals later than the one before follows a gap
  const GAP_SECONDS = 3; // and never sooner than this
  const LABEL = 104; // CSS pixels from one time to the next: "10:00:00 PM" and room around it
  const HEIGHT = 96;
  const AXIS = 30; // more for the graph with the times
  const MARKS = 28; // more for the graph with the labels of marks: two rows of them
  const NEAR = 10;

  let plots = []; // from top to bottom
  let columns = UNITS.map(() => []);
  let marks = [];
  let shown = ""; // the layout that is drawn

  const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  const number = (value, i) => (value === null || value === "" || value === undefined ? null : Number(value) / UNITS[i]);
  const clock = (seconds) => new Date(seconds * 1000).toLocaleTimeString([], { hour: "numeric", minute: "2-digit", second: "2-digit" });
  const width = () => Math.max(240, box.clientWidth - 16);
  const drawn = (i) => columns[i].some((value) => value !== null);
  const lines = (figure) => PLOTS[figure.dataset.plot].lines.filter((line) => drawn(line[1]));
  const figures = () => [...box.querySelectorAll("[data-plot]")].filter((figure) => lines(figure).length);
  const layout = () => [marks.length > 0, ...figures().flatMap((figure) => lines(figure).map((line) => line[1]))].join();

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

  // Below the graphs stand the time under the pointer, and the order or decision near it.
  function tellTime(u) {
    if (u !== plots[0]) return;
    const { left, idx } = u.cursor;
    const away = (mark) => Math.abs(u.valToPos(mark.at, "x") - left);
    const [near] = marks.filter((mark) => away(mark) <= NEAR).toSorted((a, b) => away(a) - away(b));
    const text = near ? `${clock(near.at)}  ${near.text}` : clock(u.data[0][idx]);
    box.querySelector(".pointed").textContent = left < 0 || idx == null ? "" : text;
  }

  // Orders and decisions: a line through all graphs, with a label above the first one where there is room.
  function drawMarks(u) {
    const { ctx } = u;
    const { left, top, width: wide, height } = u.bbox;
    const ends = [left, left];
    ctx.save();
    ctx.lineWidth = uPlot.pxRatio;
    ctx.strokeStyle = ctx.fillStyle = colour("--ink-2");
    ctx.textAlign = "left";
    ctx.textBaseline = "alphabetic";
    ctx.font = `${11 * uPlot.pxRatio}px ${getComputedStyle(box).fontFamily}`;
    for (const mark of marks) {
      const x = Math.min(left + wide, Math.max(left, u.valToPos(mark.at, "x", true)));
      ctx.setLineDash(mark.shadow ? [3, 3] : []);
      ctx.beginPath();
      ctx.moveTo(x, top);
      ctx.lineTo(x, top + height);
      ctx.stroke();
      if (u !== plots[0]) continue;
      const size = ctx.measureText(mark.label).width;
      const from = Math.min(x - size / 2, left + wide + 40 * uPlot.pxRatio - size);
      const row = ends.findIndex((end) => end <= from);
      if (row < 0) continue;
      ends[row] = from + size + 8 * uPlot.pxRatio;
      ctx.fillText(mark.label, from, top - (6 + 13 * row) * uPlot.pxRatio);
    }
    ctx.restore();
  }

  // The number of each pass stands on its bar, where the bar is wide enough.
  function nameBars(u) {
    const [times, values, passes] = [u.data[0], u.data[1], u.passes];
    const { ctx } = u;
    ctx.save();
    ctx.fillStyle = colour("--ink-2");
    ctx.textAlign = "center";
    ctx.textBaseline = "alphabetic";
    ctx.font = `${11 * uPlot.pxRatio}px ${getComputedStyle(box).fontFamily}`;
    for (let from = 0, to; from < times.length; from = to) {
      to = from + 1;
      while (to < times.length && passes[to] === passes[from]) to += 1;
      if (values[from] === null) continue;
      const begin = u.valToPos(times[from], "x", true);
      const end = u.valToPos(times[Math.min(to, times.length - 1)], "x", true);
      if (end - begin < ctx.measureText(passes[from]).width + 6 * uPlot.pxRatio) continue;
      ctx.fillText(passes[from], (begin + end) / 2, u.valToPos(values[from], "y", true) - 4 * uPlot.pxRatio);
    }
    ctx.restore();
  }

  function series(shape, inPass, [label, column, name, { filled, ...look } = {}]) {
    const said = (value) => `${value.toFixed(shape.digits)} ${shape.unit}`;
    return {
      label,
      stroke: colour(name),
      fill: filled && `${colour(name)}33`,
      width: 2,
      spanGaps: false,
      points: { show: columns[0].length < 3 },
      value: (u, value, _, i) =>
        value == null ? "–" : inPass ? inPass.replace("{value}", said(value)).replace("{pass}", u.passes[i]) : said(value),
      ...look,
    };
  }

  function plot(figure, i, last) {
    const shape = PLOTS[figure.dataset.plot];
    const font = `12px ${getComputedStyle(box).fontFamily}`;
    const axis = { font, stroke: colour("--ink-2"), grid: { stroke: colour("--line"), width: 1 }, ticks: { stroke: colour("--line"), width: 1 } };
    const labels = i === 0 && marks.length ? MARKS : 0;
    const made = new uPlot(
      {
        width: width(),
        height: HEIGHT + labels + (last ? AXIS : 0),
        padding: [12 + labels, 40, 0, 0], // half of a time fits beside the last tick
        cursor: { y: false, drag: { x: false }, sync: { key: "migration" } },
        hooks: { setCursor: [newest, tellTime], draw: shape === PLOTS.passes ? [nameBars, drawMarks] : [drawMarks] },
        scales: { y: { range: (u, low, high) => [0, Math.max(1, high * 1.25)] } },
        axes: [
          {
            ...axis,
            space: LABEL,
            incrs: [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 1800, 3600, 7200],
            values: (u, ticks) => ticks.map((at) => (last ? clock(at) : "")),
            size: last ? AXIS + 4 : 4,
          },
          { ...axis, size: 52, space: 28, label: shape.unit, labelSize: 20, labelFont: font },
        ],
        series: [{}, ...lines(figure).map((line) => series(shape, figure.dataset.inPass, line))],
      },
      null,
      figure,
    );
    made.columns = [0, ...lines(figure).map((line) => line[1])];
    return made;
  }

  function fill() {
    const data = withGaps();
    for (const u of plots) {
      u.passes = data[PASS];
      u.setData(u.columns.map((column) => data[column]));
      newest(u);
    }
  }

  function draw() {
    for (const u of plots) u.destroy();
    const now = figures();
    for (const figure of box.querySelectorAll("[data-plot]")) figure.hidden = !now.includes(figure);
    plots = [];
    for (const [i, figure] of now.entries()) plots.push(plot(figure, i, i === now.length - 1));
    shown = layout();
    fill();
  }

  function readMarks() {
    const found = document.getElementById(box.dataset.marks)?.children ?? [];
    marks = [...found].map(({ dataset }) => ({ ...dataset, at: Date.parse(dataset.at) / 1000, shadow: "shadow" in dataset }));
  }

  function append() {
    const before = JSON.stringify(marks);
    readMarks();
    const sample = document.getElementById(box.dataset.sample)?.dataset;
    const at = Date.parse(sample?.at) / 1000;
    const isNew = at && !(at <= columns[0].at(-1));
    if (isNew) SAMPLE.forEach((name, i) => columns[i].push(i ? number(sample[name], i) : at));
    if (isNew || JSON.stringify(marks) !== before) show();
  }

  function show() {
    const enough = columns[0].length > 1;
    box.classList.toggle("is-empty", !enough);
    if (!enough) return;
    if (layout() === shown) fill();
    else draw();
  }

  async function load() {
    const answer = await fetch(box.dataset.samples, { headers: { Accept: "application/json" } });
    if (!answer.ok) return;
    columns = (await answer.json()).map((column, i) => column.map((value) => number(value, i)));
    readMarks();
    show();
  }

  function walk(event) {
    const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    const [first] = plots;
    if (!first || !step) return;
    event.preventDefault();
    const last = first.data[0].length - 1;
    const at = Math.min(last, Math.max(0, (first.cursor.left >= 0 ? first.cursor.idx : last) + step));
    for (const u of plots) u.setCursor({ left: u.valToPos(u.data[0][at], "x"), top: 0 }, true, false);
  }

  box.tabIndex = 0;
  box.addEventListener("keydown", walk);

  load();
  for (const name of ["kvmweb:pushed", "htmx:afterSwap"]) document.addEventListener(name, append);
  let opened = false;
  document.addEventListener("htmx:wsOpen", () => {
    if (opened) load(); // what was missed while the socket was down
    opened = true;
  });
  new ResizeObserver(() => plots.forEach((u) => u.setSize({ width: width(), height: u.height }))).observe(box);
  new MutationObserver(() => plots.length && draw()).observe(document.documentElement, { attributeFilter: ["data-bs-theme"] });
})();
