// What the page adds to itself once its words stand: plots that zoom, tables that sort, switches. No request, ever.
"use strict";

const hidden = { board: new Set(), method: new Set() };
const plots = [];
const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
const shown = (item) => !hidden.board.has(item.board) && !hidden.method.has(item.method);

// Plots: uPlot takes the place of the drawn picture on screen; on paper the picture stays.

function plot(name, data) {
  const place = document.getElementById("plot-" + name);
  place.closest("figure").classList.add("live");  // first: what is not shown has no width
  const several = new Set(data.lines.map((line) => line.board)).size > 1;
  const joined = uPlot.join(data.lines.map((line) => [line.x, line.y]));
  const unit = data.y_name.split(", ").pop();
  const axis = { stroke: () => colour("--soft"), grid: { stroke: () => colour("--line"), width: 1 }, ticks: { show: false } };
  const made = new uPlot({
    width: place.clientWidth,
    height: 300,
    scales: { x: { time: false }, y: { range: (_, low, high) => [Math.min(0, low), high * 1.06 || 1] } },
    series: [{ label: "s", value: (_, x) => (x === null ? "–" : x.toFixed(1)) }].concat(data.lines.map((line) => ({
      label: several ? line.method + ", " + line.board : line.method,
      stroke: line.colour, dash: line.dash, width: 1.6, spanGaps: true, points: { show: false },
      value: (_, y) => (y === null || y === undefined ? "–" : y.toFixed(1) + " " + unit),
    }))),
    axes: [{ ...axis, label: data.x_name, labelSize: 22, size: 34 }, { ...axis, label: data.y_name, labelSize: 22, size: 60 }],
    cursor: { drag: { x: true, y: false }, focus: { prox: 24 } },
    focus: { alpha: 0.35 },
  }, joined, place);
  steer(place, made);
  plots.push({ made, lines: data.lines, place });
}

// The same with keys: arrows move, plus and minus zoom, 0 shows everything; Enter on a name switches its line.
function steer(place, made) {
  const whole = () => [made.data[0][0], made.data[0][made.data[0].length - 1]];
  const view = (low, high) => made.setScale("x", { min: Math.max(low, whole()[0]), max: Math.min(high, whole()[1]) });
  place.addEventListener("keydown", (event) => {
    const { min, max } = made.scales.x, step = (max - min) / 5;
    const moves = {
      ArrowLeft: [min - step, max - step], ArrowRight: [min + step, max + step],
      "+": [min + step, max - step], "-": [min - step, max + step], 0: whole(),
    };
    const move = event.target === place && moves[event.key];
    if (move) { event.preventDefault(); view(...move); }
  });
  place.querySelectorAll(".u-series:not(:first-child) th").forEach((head) => {
    head.tabIndex = 0;
    head.setAttribute("role", "button");
    head.addEventListener("keydown", (event) => { if (event.key === "Enter") head.click(); });
  });
}

// Switches: a board or a method off takes its lines and its rows away, everywhere.

function flip(button) {
  const { kind, name } = button.dataset, off = hidden[kind].has(name);
  off ? hidden[kind].delete(name) : hidden[kind].add(name);
  button.setAttribute("aria-pressed", String(off));
  plots.forEach(({ made, lines }) => made.batch(() => lines.forEach((line, at) => made.setSeries(at + 1, { show: shown(line) }))));
  document.querySelectorAll("tbody tr").forEach((row) => { row.hidden = !shown(row.dataset); });
}

// Tables: a heading is a button; numbers sort by their value, what is missing comes last either way.

function sort(table, column, button) {
  const heads = table.querySelectorAll("thead th"), head = heads[column];
  const down = head.getAttribute("aria-sort") === "ascending", body = table.tBodies[0];
  heads.forEach((each) => each.removeAttribute("aria-sort"));
  head.setAttribute("aria-sort", down ? "descending" : "ascending");
  const rows = [...body.rows].map((row) => ({ row, value: valueOf(row.cells[column]) }));
  rows.sort((a, b) => {
    if (a.value === null || b.value === null) return (a.value === null) - (b.value === null);
    const order = typeof a.value === "number" && typeof b.value === "number"
      ? a.value - b.value : String(a.value).localeCompare(String(b.value), "en", { numeric: true });
    return down ? -order : order;
  });
  body.append(...rows.map((each) => each.row));
  button.focus();
}

function valueOf(cell) {
  if (cell.classList.contains("missing")) return null;
  return cell.dataset.value === undefined ? cell.textContent.trim() : Number(cell.dataset.value);
}

function makeSortable(table) {
  if (table.tBodies[0].rows.length < 2) return;
  table.querySelectorAll("thead th").forEach((head, column) => {
    const button = document.createElement("button");
    button.append(...head.childNodes);
    button.addEventListener("click", () => sort(table, column, button));
    head.append(button);
  });
}

function begin() {
  document.querySelectorAll("main table").forEach(makeSortable);
  document.querySelectorAll(".switches").forEach((bar) => { bar.hidden = false; });
  document.querySelectorAll(".switches button").forEach((button) => button.addEventListener("click", () => flip(button)));
  const traces = JSON.parse(document.getElementById("traces-data").textContent);
  // A plot is made when it comes near the screen: the first view does not wait for the last figure.
  const near = new IntersectionObserver((entries) => entries.filter((entry) => entry.isIntersecting).forEach((entry) => {
    near.unobserve(entry.target);
    const name = entry.target.dataset.name;
    plot(name, traces[name]);
  }), { rootMargin: "600px" });
  document.querySelectorAll("figure[data-name]").forEach((figure) => near.observe(figure));
  const redraw = () => plots.forEach(({ made }) => made.redraw(false, true));
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redraw);
  new ResizeObserver(() => plots.forEach(({ made, place }) => made.setSize({ width: place.clientWidth, height: 300 })))
    .observe(document.querySelector("main"));
}

begin();
