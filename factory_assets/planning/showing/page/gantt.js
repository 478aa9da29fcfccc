"use strict";
const data = JSON.parse(document.getElementById("data").textContent);
const byId = (id) => document.getElementById(id);
const SVG = "http://www.w3.org/2000/svg";
const LABELS = 128, TOP = 4;
const PALETTE = ["#1f6fb4", "#c8690b", "#0b8768", "#b3528d", "#6a51a3", "#8a6d00", "#3b8ea5", "#a8323e"];
const startMs = Date.parse(data.start_utc);

const clock = new Intl.DateTimeFormat("en-GB", { timeZone: data.time_zone, hour: "2-digit", minute: "2-digit" });
const moment = new Intl.DateTimeFormat("en-GB", {
  timeZone: data.time_zone, weekday: "short", day: "numeric", month: "short", hour: "2-digit", minute: "2-digit",
});
const short = new Intl.DateTimeFormat("en-GB", {
  timeZone: data.time_zone, weekday: "short", hour: "2-digit", minute: "2-digit",
});
const at = (minute) => new Date(startMs + minute * 60000);
const said = (minute) => moment.format(at(minute));
const lasting = (minutes) => {
  if (minutes < 60) return `${minutes} min`;
  const hours = Math.floor(minutes / 60), rest = minutes % 60;
  if (hours < 48) return rest ? `${hours} h ${String(rest).padStart(2, "0")}` : `${hours} h`;
  return `${Math.floor(hours / 24)} d ${hours % 24} h`;
};
const money = (value) => Math.round(value).toLocaleString("en-GB");

const orderOf = new Map(data.orders.map((order) => [order.name, order]));
const familyColour = new Map(data.families.map((family, i) => [family, PALETTE[i % PALETTE.length]]));
const orderColour = new Map(data.orders.map((order, i) => [order.name, `hsl(${(i * 137.508) % 360} 48% 42%)`]));

const state = { low: data.low, high: data.high, order: null, colour: "family", late: false, row: 26 };

function make(parent, tag, attributes, text) {
  const element = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes || {})) element.setAttribute(name, value);
  if (text !== undefined) element.textContent = text;
  parent.appendChild(element);
  return element;
}
function html(parent, tag, text, attributes) {
  const element = document.createElement(tag);
  if (text !== undefined) element.textContent = text;
  for (const [name, value] of Object.entries(attributes || {})) element.setAttribute(name, value);
  parent.appendChild(element);
  return element;
}

const chart = byId("chart"), axis = byId("axis"), scroller = byId("scroller"), tip = byId("tip");
let width = 0;
const x = (minute) => LABELS + ((minute - state.low) / (state.high - state.low)) * (width - LABELS);
const minuteAt = (px) => state.low + ((px - LABELS) / (width - LABELS)) * (state.high - state.low);

const STEPS = [15, 30, 60, 120, 180, 360, 720];
// Every day, or of many days only every second, third, ...
function shownDays() {
  const stride = Math.ceil((state.high - state.low) / 1440 / 25);
  return data.days.filter((_, i) => i % stride === 0);
}
function ticks() {
  const wanted = ((state.high - state.low) * 58) / (width - LABELS);
  const step = STEPS.find((one) => one >= wanted);
  const found = [], days = shownDays();
  days.forEach((day, i) => {
    const next = i + 1 < days.length ? days[i + 1].at : day.at + 1440;
    if (next < state.low || day.at > state.high) return;
    found.push({ at: day.at, day: true });
    if (step) for (let t = day.at + step; t < next - step / 2; t += step) found.push({ at: t, day: false });
  });
  return found.filter((tick) => tick.at >= state.low && tick.at <= state.high);
}

function drawAxis() {
  axis.replaceChildren();
  const days = shownDays();
  days.forEach((day, i) => {
    const next = i + 1 < days.length ? days[i + 1].at : day.at + 1440;
    const left = Math.max(x(day.at), LABELS), right = Math.min(x(next), width);
    if (right - left < 34) return;
    const long = right - left > 90;
    make(axis, "text", { x: left + 5, y: 15, class: "day" }, long ? day.long : day.short);
  });
  const marks = data.now_min === null ? [] : [["now", data.now_min, "now"]];
  if (state.order !== null) {
    const order = orderOf.get(state.order);
    marks.push(["release", order.release, "due"], ["due", order.due, "due"]);
  }
  const shown = marks.filter(([, minute]) => minute !== null && minute >= state.low && minute <= state.high);
  for (const tick of ticks()) {
    const px = x(tick.at);
    const isFree = shown.every(([text, minute]) => px + 34 < x(minute) || px > x(minute) + 12 + 9 * text.length);
    make(axis, "line", { x1: px, x2: px, y1: tick.day ? 2 : 22, y2: 40, class: tick.day ? "grid midnight" : "grid" });
    if (px + 30 < width && !tick.day && isFree) make(axis, "text", { x: px + 3, y: 34, class: "quiet" }, clock.format(at(tick.at)));
  }
  const occupied = [];
  for (const [text, minute, kind] of shown.sort((a, b) => (a[0] === "now" ? -1 : b[0] === "now" ? 1 : a[1] - b[1]))) {
    const px = x(minute), flip = px + 50 > width;
    make(axis, "line", { x1: px, x2: px, y1: 22, y2: 40, class: kind });
    const place = { x: px + (flip ? -4 : 4), y: 34, class: `${kind}-text`, "text-anchor": flip ? "end" : "start" };
    const isTaken = occupied.some(([low, high]) => px < high && px + 9 * text.length > low);
    if (!isTaken) make(axis, "text", place, text);
    occupied.push([px, px + 9 * text.length]);
  }
  make(axis, "line", { x1: 0, x2: axis.clientWidth, y1: 39.5, y2: 39.5, class: "grid" });
  make(axis, "text", { x: 8, y: 34, class: "quiet" }, data.time_zone);
}

function colourOf(task) {
  if (state.colour === "order") return orderColour.get(task.order) || "#7b8794";
  return familyColour.get(task.family) || "#7b8794";
}
const dims = (task) =>
  (state.order !== null && task.order !== state.order) ||
  (state.late && !(task.order && orderOf.get(task.order).late_min > 0));

function drawChart() {
  const focused = document.activeElement && document.activeElement.dataset ? document.activeElement.dataset.task : null;
  chart.replaceChildren();
  const height = TOP + data.machines.length * state.row + 6;
  chart.setAttribute("height", height);
  const defs = make(chart, "defs");
  hatch(defs, "setup", 6, "M-1,7 L7,-1 M-1,1 L1,-1 M5,7 L7,5", "#fff", 1.6);
  hatch(defs, "upkeep", 8, "M-1,-1 L9,9 M-1,7 L1,9 M7,-1 L9,1", "rgba(255,255,255,.28)", 2);
  make(make(defs, "clipPath", { id: "inner" }), "rect", { x: LABELS, y: 0, width: width - LABELS, height });
  const body = make(chart, "g", { "clip-path": "url(#inner)", role: "presentation" });
  data.machines.forEach((machine, row) => {
    const y = TOP + row * state.row;
    for (const [begin, end] of machine.closed) {
      if (end < state.low || begin > state.high) continue;
      const left = Math.max(x(begin), LABELS), right = Math.min(x(end), width);
      make(body, "rect", { x: left, y, width: Math.max(0, right - left), height: state.row, class: "closed" });
    }
  });
  for (const tick of ticks()) {
    make(body, "line", { x1: x(tick.at), x2: x(tick.at), y1: 0, y2: height, class: tick.day ? "grid midnight" : "grid" });
  }
  data.machines.forEach((machine, row) => drawLabel(machine, TOP + row * state.row));
  const tasks = make(body, "g", { role: "presentation" });
  for (const task of data.tasks) if (task.end >= state.low && task.setup <= state.high) drawTask(tasks, task);
  if (state.order !== null) drawDates(body, orderOf.get(state.order), height);
  if (data.now_min !== null) {
    make(body, "line", { x1: x(data.now_min), x2: x(data.now_min), y1: 0, y2: height, class: "now" });
  }
  if (focused) chart.querySelector(`[data-task="${CSS.escape(focused)}"]`)?.focus({ preventScroll: true });
}

function hatch(defs, id, size, path, stroke, thick) {
  const pattern = make(defs, "pattern", { id, width: size, height: size, patternUnits: "userSpaceOnUse" });
  make(pattern, "path", { d: path, stroke, "stroke-width": thick, fill: "none" });
}

function drawLabel(machine, y) {
  make(chart, "line", { x1: 0, x2: width, y1: y + state.row, y2: y + state.row, class: "row-line" });
  const middle = y + state.row / 2 + 4;
  make(chart, "text", { x: 8, y: middle }, machine.name.length > 13 ? machine.name.slice(0, 12) + "…" : machine.name);
  const bar = make(chart, "g");
  make(bar, "title", {}, `${machine.name}: ${Math.round(machine.load * 100)} % of its open time is used`);
  make(bar, "rect", { x: LABELS - 34, y: y + state.row / 2 - 3, width: 26, height: 6, rx: 2, class: "load-back" });
  make(bar, "rect", {
    x: LABELS - 34, y: y + state.row / 2 - 3, width: 26 * Math.min(1, machine.load), height: 6, rx: 2, class: "load-bar",
  });
}

function drawTask(parent, task) {
  const y = TOP + task.row * state.row + 3, high = state.row - 6;
  const order = task.order ? orderOf.get(task.order) : null;
  const late = order !== null && order.late_min > 0;
  const kinds = ["task", late ? "late" : "", task.order ? "" : "upkeep", dims(task) ? "dim" : "",
    state.order !== null && task.order === state.order ? "picked" : ""];
  const group = make(parent, "g", {
    class: kinds.filter(Boolean).join(" "), tabindex: "0", role: "listitem", "data-task": task.name, "aria-label": spoken(task),
  });
  const fill = colourOf(task);
  if (task.setup < task.start) {
    // In closed time a set-up only lies there, as a thin line.
    const whole = { x: x(task.setup), y: y + high / 2 - 1, width: x(task.start) - x(task.setup), height: 2 };
    make(group, "rect", { ...whole, style: `fill:${fill};opacity:.55` });
    for (const [begin, end] of task.setup_parts) {
      const part = { x: x(begin), y: y + 1, width: x(end) - x(begin), height: high - 2 };
      make(group, "rect", { ...part, style: `fill:${fill};opacity:.55` });
      make(group, "rect", { ...part, fill: "url(#setup)" });
    }
  }
  const left = x(task.start), wide = Math.max(1.5, x(task.end) - left);
  if (wide < 3) {
    make(group, "rect", { x: left, y, width: wide, height: high, style: `fill:${late ? "var(--late)" : fill}` });
    return;
  }
  if (task.order) {
    make(group, "rect", { x: left, y, width: wide, height: high, rx: 2, style: `fill:${fill};opacity:.42` });
    for (const [begin, end] of task.parts) {
      make(group, "rect", { x: x(begin), y, width: Math.max(1, x(end) - x(begin)), height: high, rx: 2, style: `fill:${fill}` });
    }
  } else {
    make(group, "rect", { x: left, y, width: wide, height: high, rx: 2, class: "upkeep-body" });
    make(group, "rect", { x: left, y, width: wide, height: high, rx: 2, fill: "url(#upkeep)" });
  }
  make(group, "rect", { x: left, y, width: wide, height: high, rx: 2, class: "edge" });
  const texts = task.order ? [task.name, task.label, task.label.split("/").pop()] : ["Maintenance", "M"];
  const from = Math.max(left, LABELS), room = Math.min(left + wide, width) - from - 8;
  const shown = texts.find((text) => room >= text.length * 6.3);
  if (shown && state.row >= 16) make(group, "text", { x: from + 4, y: y + high / 2 + 4 }, shown);
}

function drawDates(parent, order, height) {
  for (const minute of [order.release, order.due]) {
    if (minute === null || minute < state.low || minute > state.high) continue;
    make(parent, "line", { x1: x(minute), x2: x(minute), y1: 0, y2: height, class: "due" });
  }
}

function spoken(task) {
  const what = task.order ? `Operation ${task.name} of order ${task.order}` : `Maintenance ${task.name}`;
  const late = task.order && orderOf.get(task.order).late_min > 0 ? `, order ${lasting(orderOf.get(task.order).late_min)} late` : "";
  return `${what} on ${data.machines[task.row].name}, ${said(task.start)} to ${said(task.end)}${late}`;
}

function showTip(task, px, py) {
  tip.replaceChildren();
  html(html(tip, "div"), "b", task.order ? task.name : `Maintenance ${task.name}`);
  const lines = [[`${data.machines[task.row].name}${task.family ? `, ${task.family}` : ""}`, ""]];
  lines.push([`${said(task.start)} – ${said(task.end)} (${lasting(task.end - task.start)})`, ""]);
  if (task.setup < task.start) lines.push([`set-up from ${said(task.setup)} (${lasting(task.start - task.setup)})`, ""]);
  if (task.operator) lines.push([`by ${task.operator}`, ""]);
  if (task.batch) lines.push([`batch ${task.batch}`, ""]);
  if (task.pinned) lines.push(["pinned", ""]);
  if (task.order) {
    const order = orderOf.get(task.order);
    if (order.due !== null) lines.push([`order due ${said(order.due)}, ends ${said(order.end)}`, ""]);
    if (order.late_min > 0) lines.push([`${lasting(order.late_min)} late, costs ${money(order.cost)}`, "bad"]);
  }
  for (const [text, kind] of lines) html(tip, "div", text, kind ? { class: kind } : {});
  tip.hidden = false;
  const box = tip.getBoundingClientRect();
  tip.style.left = `${Math.max(4, Math.min(px + 14, innerWidth - box.width - 8))}px`;
  tip.style.top = `${py + 18 + box.height > innerHeight ? Math.max(4, py - box.height - 10) : py + 18}px`;
}

function drawSide() {
  const side = byId("side");
  side.replaceChildren();
  if (state.order !== null) return drawOrder(side, orderOf.get(state.order));
  const late = data.orders.filter((order) => order.late_min > 0).sort((a, b) => b.cost - a.cost || b.late_min - a.late_min);
  html(side, "h2", late.length ? `Late orders (${late.length})` : "No order is late");
  const list = html(side, "ul");
  for (const order of late) {
    const button = html(html(list, "li"), "button", undefined, { "data-order": order.name });
    html(button, "b", order.name);
    html(button, "span", ` ${lasting(order.late_min)} late`, { class: "bad" });
    html(button, "small", order.why);
    button.addEventListener("click", () => pick(order.name));
  }
  html(side, "h2", "Busiest machines");
  const table = html(side, "table");
  for (const machine of [...data.machines].sort((a, b) => b.load - a.load).slice(0, 8)) {
    const row = html(table, "tr");
    html(row, "td", machine.name);
    html(row, "td", `${Math.round(machine.load * 100)} %`);
    html(row, "td", machine.setup_min ? `${lasting(machine.setup_min)} of set-up` : "", { class: "quiet" });
  }
}

function drawOrder(side, order) {
  html(side, "h2", `Order ${order.name}`);
  const dates = order.due === null ? "no due date" : `due ${said(order.due)}`;
  html(side, "p", `released ${said(order.release)}, ${dates}, ends ${said(order.end)}`);
  if (order.late_min > 0) {
    html(side, "p", `${lasting(order.late_min)} late, costs ${money(order.cost)}`, { class: "bad" });
    html(side, "p", order.why);
  }
  const table = html(side, "table");
  const head = html(table, "tr");
  for (const name of ["Operation", "Machine", "Begins", "Ends"]) html(head, "th", name);
  for (const task of data.tasks.filter((one) => one.order === order.name).sort((a, b) => a.start - b.start)) {
    const row = html(table, "tr");
    const texts = [task.label, data.machines[task.row].name, short.format(at(task.start)), short.format(at(task.end))];
    for (const text of texts) html(row, "td", text);
  }
  const back = html(html(side, "p"), "button", "Show all orders");
  back.style.marginTop = "10px";
  back.addEventListener("click", () => pick(null));
}

function pick(name) {
  state.order = name;
  byId("filter").value = name === null ? "" : name;
  if (name !== null) {
    const tasks = data.tasks.filter((task) => task.order === name);
    const low = Math.min(...tasks.map((task) => task.setup)), high = Math.max(...tasks.map((task) => task.end));
    if (low > state.high || high < state.low) show(low - (high - low) * 0.2, high + (high - low) * 0.2);
  }
  draw();
}

function show(low, high) {
  const least = 60, room = data.high - data.low;
  const span = Math.min(Math.max(high - low, least), room);
  const from = Math.min(Math.max(low, data.low), data.high - span);
  state.low = from;
  state.high = from + span;
}
function zoom(factor, around) {
  const middle = around === undefined ? (state.low + state.high) / 2 : around;
  show(middle - (middle - state.low) * factor, middle + (state.high - middle) * factor);
  draw();
}
function move(share) {
  const span = state.high - state.low;
  show(state.low + span * share, state.high + span * share);
  draw();
}

let asked = 0, sideOf;
function draw() {
  cancelAnimationFrame(asked);
  asked = requestAnimationFrame(() => {
    width = scroller.clientWidth;
    state.row = Math.max(20, Math.min(34, Math.floor((scroller.clientHeight - 12) / data.machines.length)));
    drawAxis();
    drawChart();
    if (sideOf !== state.order) drawSide();
    sideOf = state.order;
    document.documentElement.dataset.drawn = String(Number(document.documentElement.dataset.drawn || 0) + 1);
  });
}

function drawHead() {
  for (const [name, value, kind] of data.figures) {
    const box = html(byId("figures"), "div");
    html(box, "dt", name);
    html(box, "dd", value, kind ? { class: kind } : {});
  }
  for (const order of data.orders) html(byId("orders"), "option", undefined, { value: order.name });
  drawLegend();
}

function drawLegend() {
  const legend = byId("legend");
  legend.replaceChildren();
  const item = (text, draw) => {
    const span = html(legend, "span");
    const svg = make(span, "svg", { viewBox: "0 0 18 12", "aria-hidden": "true" });
    draw(svg);
    span.appendChild(document.createTextNode(text));
  };
  const block = (svg, attributes) => make(svg, "rect", { x: 1, y: 1, width: 16, height: 10, rx: 2, ...attributes });
  if (state.colour === "family") {
    for (const [family, colour] of familyColour) item(family, (svg) => block(svg, { style: `fill:${colour}` }));
  }
  item("set-up", (svg) => {
    block(svg, { style: "fill:#7b8794;opacity:.55" });
    make(svg, "path", { d: "M2,11 L9,1 M8,11 L15,1", stroke: "#fff", "stroke-width": 1.8 });
  });
  if (data.tasks.some((task) => !task.order)) item("maintenance", (svg) => block(svg, { class: "upkeep-body" }));
  item("late", (svg) => block(svg, { style: "fill:none;stroke:var(--late);stroke-width:2" }));
  item("closed", (svg) => block(svg, { class: "closed", style: "stroke:var(--line)" }));
}

const taskOf = (event) => {
  const group = event.target.closest ? event.target.closest(".task") : null;
  return group ? data.tasks.find((task) => task.name === group.dataset.task) : null;
};
let drag = null, moved = false;
chart.addEventListener("pointerdown", (event) => {
  if (event.button !== 0) return;
  drag = { px: event.clientX, py: event.clientY, low: state.low, high: state.high, top: scroller.scrollTop };
  moved = false;
});
addEventListener("pointermove", (event) => {
  if (drag) {
    const px = event.clientX - drag.px;
    if (Math.abs(px) + Math.abs(event.clientY - drag.py) > 4) moved = true;
    if (moved) {
      tip.hidden = true;
      chart.classList.add("dragged");
      const minutes = (px / (width - LABELS)) * (drag.high - drag.low);
      show(drag.low - minutes, drag.high - minutes);
      scroller.scrollTop = drag.top - (event.clientY - drag.py);
      draw();
    }
    return;
  }
  const task = chart.contains(event.target) ? taskOf(event) : null;
  if (task) showTip(task, event.clientX, event.clientY);
  else tip.hidden = true;
});
addEventListener("pointerup", () => { drag = null; chart.classList.remove("dragged"); });
chart.addEventListener("click", (event) => {
  if (moved) return;
  const task = taskOf(event);
  pick(task && task.order && task.order !== state.order ? task.order : null);
});
chart.addEventListener("focusin", (event) => {
  const task = taskOf(event);
  if (!task || !event.target.matches(":focus-visible")) return;
  const box = event.target.getBoundingClientRect();
  showTip(task, Math.max(box.left, LABELS), box.bottom - 12);
});
chart.addEventListener("focusout", () => { tip.hidden = true; });
scroller.addEventListener("wheel", (event) => {
  const across = Math.abs(event.deltaX) > Math.abs(event.deltaY) || event.shiftKey;
  if (across) move((event.deltaX || event.deltaY) / 1500);
  else if (event.ctrlKey || event.metaKey || scroller.scrollHeight <= scroller.clientHeight + 1) {
    zoom(Math.exp(event.deltaY / 600), minuteAt(event.clientX - scroller.getBoundingClientRect().left));
  } else return;
  event.preventDefault();
}, { passive: false });
scroller.addEventListener("keydown", (event) => {
  const keys = {
    ArrowLeft: () => move(-0.2), ArrowRight: () => move(0.2), "+": () => zoom(0.7), "=": () => zoom(0.7), "-": () => zoom(1.4),
    0: () => { show(data.low, data.high); draw(); }, Escape: () => pick(null),
  };
  if (event.key === "Enter") {
    const task = taskOf(event);
    if (task && task.order) pick(task.order);
    return;
  }
  if (!keys[event.key]) return;
  event.preventDefault();
  keys[event.key]();
});
byId("in").addEventListener("click", () => zoom(0.6));
byId("out").addEventListener("click", () => zoom(1.7));
byId("fit").addEventListener("click", () => { show(data.low, data.high); draw(); });
byId("days").addEventListener("click", () => { show(state.low, state.low + 3 * 1440); draw(); });
byId("now").addEventListener("click", () => {
  const now = data.now_min === null ? 0 : data.now_min;
  show(now - 60, now + 1440);
  draw();
});
byId("now").disabled = data.now_min === null;
byId("colour").addEventListener("change", (event) => { state.colour = event.target.value; drawLegend(); draw(); });
byId("only-late").addEventListener("change", (event) => { state.late = event.target.checked; draw(); });
byId("filter").addEventListener("input", (event) => {
  const text = event.target.value.trim();
  const found = orderOf.has(text) ? text : null;
  if (found !== state.order) {
    state.order = found;
    draw();
  }
});
new ResizeObserver(draw).observe(scroller);
drawHead();
draw();
