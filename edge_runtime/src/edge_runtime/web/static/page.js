// Asks the station a few times a second and shows what it said. What is not known to be fresh never looks fresh.

const POLL_MS = 300, ANSWER_MS = 1500, LOST_S = 2, LOOK_MS = 200;
const FAILURES = {
  deadline: "no verdict in time", camera: "no frame from the camera", image: "image cannot be trusted",
  engine: "the engine failed", interrupted: "service was interrupted", no_release: "no verified release",
  spool: "verdicts cannot be stored",
};
const VERDICTS = { ok: "OK", nok: "NOK", failure: "NOT JUDGED" };
const STATES = { ok: "ok", warning: "failure", failed: "nok" };
const byId = (id) => document.getElementById(id);

let status = null, statusAt = 0, answeredAt = null, brought = null, isDrawing = false;
let hasOverlay = stored("overlay") !== "off";

function stored(name) { try { return localStorage.getItem(name); } catch { return null; } }
function store(name, value) { try { localStorage.setItem(name, value); } catch { /* private window: not kept */ } }

function make(tag, text, className) {
  const element = document.createElement(tag);
  if (text !== undefined) element.textContent = text;
  if (className) element.className = className;
  return element;
}

function drawn(tag, attributes) {
  const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  return element;
}

function shape(name) {
  const svg = drawn("svg", { "aria-hidden": "true" });
  svg.append(drawn("use", { href: `#${name}` }));
  return svg;
}

function say(id, text) {
  const element = byId(id);
  if (element.textContent !== text) element.textContent = text;
}

const kindOf = (record) => (record.failure ? "failure" : record.verdict);
const wordOf = (record) => VERDICTS[kindOf(record)] ?? (record.label ?? "CLASSIFIED");
const number = (value) => value.toLocaleString("en");
const milliseconds = (value) => (value == null ? "–" : value < 9.95 ? value.toFixed(1) : value.toFixed(0));

function duration(seconds) {
  const s = Math.max(0, Math.floor(seconds));
  if (s < 60) return `${s} s`;
  if (s < 3600) return `${Math.floor(s / 60)} min ${s % 60} s`;
  if (s < 86400) return `${Math.floor(s / 3600)} h ${Math.floor(s / 60) % 60} min`;
  return `${Math.floor(s / 86400)} d ${Math.floor(s / 3600) % 24} h`;
}

// ---- asking

async function ask() {
  try {
    const answer = await fetch("/api/status", { cache: "no-store", signal: AbortSignal.timeout(ANSWER_MS) });
    if (answer.status === 401) { location.assign("/login"); return; }
    if (answer.ok) {
      const said = await answer.json();
      status = said; statusAt = answeredAt = performance.now();
      show();
      bring(said.picture);
    }
  } catch { /* the link's age tells it */ }
  look();
  setTimeout(ask, POLL_MS);
}

async function bring(particulars) {
  if (!particulars || isDrawing || brought?.particulars.sequence === particulars.sequence) return;
  isDrawing = true;
  try {
    const of = `?sequence=${particulars.sequence}`;
    const paths = particulars.has_heat_map ? [`/picture${of}`, `/heat-map${of}`] : [`/picture${of}`];
    const [picture, heat] = await Promise.all(paths.map(bitmap));
    if (picture) { brought = { particulars, picture, heat }; paint(); }
  } catch { /* replaced meanwhile: the next one comes */ } finally { isDrawing = false; }
}

async function bitmap(path) {
  const answer = await fetch(path, { signal: AbortSignal.timeout(ANSWER_MS) });
  return answer.ok ? createImageBitmap(await answer.blob()) : null;
}

// ---- is it true now?

function ageOfStatus() {
  if (!status || status.age_s == null) return null;
  return status.age_s + (performance.now() - statusAt) / 1000;
}

function look() {
  const silent = answeredAt === null ? null : (performance.now() - answeredAt) / 1000;
  const age = ageOfStatus();
  let link = "live", title = "", text = "";
  if (silent === null || silent > LOST_S) {
    link = "lost"; title = "NO CONNECTION";
    text = silent === null ? "waiting for the station" : `to the station for ${duration(silent)}. Nothing here is current.`;
  } else if (age === null) {
    link = "stale"; title = "NO DATA"; text = "the station has not said anything yet";
  } else if (age > LOST_S || !status.is_fresh) {
    link = "stale"; title = "STALE"; text = `the station has said nothing for ${duration(age)}. Nothing here is current.`;
  } else if (!status.is_ready) {
    title = "NOT READY"; text = (status.reason ?? "").replace(/^state \w+; /, "");
  }
  document.body.dataset.link = link;
  document.body.dataset.ready = link === "live" && status.is_ready ? "yes" : "no";
  byId("alarm").hidden = title === "";
  say("alarm-title", title); say("alarm-text", text);
  showVerdict(link);
  showState(link);
  if (link === "live") showTimes(age);
}

function showTimes(age) {
  const now = Date.parse(status.now_utc) + age * 1000;
  say("clock", `${new Date(now).toISOString().slice(11, 19)} UTC`);
  say("uptime", `up ${duration((now - Date.parse(status.started_utc)) / 1000)}`);
  const newest = status.recent[0];
  say("last", newest ? `${duration((now - Date.parse(newest.concluded_utc)) / 1000)} ago` : "");
}

function showState(link) {
  const state = byId("state"), kind = link !== "live" ? "none" : status.is_ready ? "ok" : "nok";
  state.className = kind;
  state.querySelector("use").setAttribute("href", `#${kind}`);
  const words = link === "live" ? status.state.replace(/([a-z])([A-Z])/g, "$1 $2") : "no data";
  if (state.lastElementChild.textContent !== words) state.lastElementChild.textContent = words;
}

function showVerdict(link) {
  const newest = link === "live" ? status.recent[0] : undefined;
  const kind = newest ? kindOf(newest) : "none";
  const word = newest ? wordOf(newest) : link === "live" ? "NO PART" : "NO DATA";
  const section = byId("verdict"), strong = section.querySelector("strong");
  section.className = kind;
  section.querySelector("use").setAttribute("href", `#${kind}`);
  if (strong.textContent !== word) strong.textContent = word;
  strong.className = word.length > 10 ? "longer" : word.length > 4 ? "long" : "";
  say("part", newest ? newest.trigger.part_id : "–");
  say("why", newest ? because(newest) : "");
  if (!newest) say("last", "");
}

function because(record) {
  if (record.failure) return `rejected: ${record.detail || FAILURES[record.failure] || record.failure}`;
  const score = record.score == null ? "" : `score ${record.score.toFixed(2)}`;
  const limit = record.threshold == null ? "" : `limit ${record.threshold.toFixed(2)}`;
  const isNamed = kindOf(record) === "classified" || record.label === record.verdict;
  return [isNamed ? "" : record.label, [score, limit].filter(Boolean).join(" · ")].filter(Boolean).join("\n");
}

// ---- the rest

function show() {
  if (status.station === undefined) return;
  document.title = status.station;
  say("station", status.station); say("product", status.product);
  showStream(); showCounts(); showLatency(); showRelease(); showHealth();
}

function showStream() {
  byId("no-parts").hidden = status.recent.length > 0;
  byId("stream").querySelector("ol").replaceChildren(...status.recent.map(row));
}

function row(record) {
  const kind = kindOf(record), item = make("li", undefined, kind), sign = shape(kind);
  sign.setAttribute("aria-label", wordOf(record)); sign.removeAttribute("aria-hidden");
  const part = make("span", record.trigger.part_id, "id"), total = record.stages_ms.total;
  part.title = part.textContent;
  item.append(sign, part, make("span", total == null ? "" : `${milliseconds(total)} ms`, "time"));
  if (record.failure) {
    const reason = make("span", FAILURES[record.failure] ?? record.failure, "reason");
    reason.title = record.detail ?? "";
    item.append(reason);
  } else if (record.score == null) {
    item.append(make("span", record.label ?? "", "named"));
  } else {
    item.append(scoreBar(record), make("span", record.score.toFixed(2)), make("span", record.label ?? ""));
  }
  return item;
}

function scoreBar(record) {
  const bar = make("span", undefined, "score"), share = (value) => `${100 * Math.min(1, Math.max(0, value))}%`;
  const fill = make("i");
  fill.style.width = share(record.score);
  bar.append(fill);
  if (record.threshold != null) {
    const limit = make("u");
    limit.style.left = share(record.threshold);
    bar.append(limit);
  }
  return bar;
}

function showCounts() {
  const { ok = 0, nok = 0, classified = 0 } = status.counts;
  const failed = Object.values(status.failures).reduce((sum, count) => sum + count, 0);
  const isSorting = classified > 0 && ok === 0;
  const first = byId("count-ok").parentElement;
  first.className = isSorting ? "classified" : "ok";
  first.querySelector("use").setAttribute("href", isSorting ? "#classified" : "#ok");
  first.querySelector("dt").lastChild.textContent = isSorting ? "classified" : "OK";
  say("count-ok", number(isSorting ? classified : ok));
  say("count-nok", number(nok - failed)); say("count-failure", number(failed));
  say("yield", isSorting || ok + nok === 0 ? "–" : `${(Math.floor(1000 * ok / (ok + nok)) / 10).toFixed(1)} %`);
  const kinds = Object.entries(status.failures).filter(([, count]) => count > 0);
  say("failures", kinds.map(([kind, count]) => `${kind.replace("_", " ")} ${number(count)}`).join(", "));
}

function showLatency() {
  byId("latency").querySelector("tbody").replaceChildren(...Object.entries(status.latency).map(([stage, histogram]) => {
    const line = make("tr"), name = make("th", stage), cell = make("td"), q = status.quantiles[stage];
    name.scope = "row";
    cell.append(bars(histogram.counts));
    line.append(name, cell, make("td", milliseconds(q.p50_ms)));
    line.append(make("td", q.p99_ms == null ? "–" : `${q.is_p99_beyond ? ">" : ""}${milliseconds(q.p99_ms)}`));
    return line;
  }));
}

function bars(counts) {
  // Square roots: a rare slow part stays visible beside many quick ones.
  const most = Math.sqrt(Math.max(1, ...counts)), n = counts.length;
  const svg = drawn("svg", { viewBox: `0 0 ${n * 4} 24`, preserveAspectRatio: "none", "aria-hidden": "true" });
  svg.append(drawn("line", { x1: 0, x2: n * 4, y1: 23.5, y2: 23.5 }));
  counts.forEach((count, i) => {
    if (!count) return;
    const height = Math.max(2, 23 * Math.sqrt(count) / most);
    svg.append(drawn("rect", { x: i * 4 + .4, y: 24 - height, width: 3.2, height }));
  });
  return svg;
}

function showRelease() {
  say("release-number", status.release == null ? "none" : String(status.release));
  say("bundle", shortBundle(status.bundle) || "none"); byId("bundle").title = status.bundle; say("engine", status.engine || "none");
  const update = byId("update");
  say("update", status.update); update.title = status.update;
  update.className = /^(rolled back|refused)/.test(status.update) ? "wrong" : status.update === "staging" ? "busy" : "";
  const restarts = Object.entries(status.restarts).filter(([, count]) => count > 0);
  say("restarts", restarts.map(([name, count]) => `${name} ${count}`).join(", ") || "none");
  const { stored_bytes: used = 0, quota_bytes: quota = 0, stored_images: images = 0, waiting = 0 } = status.spool;
  const share = quota ? used / quota : 0, bar = byId("spool-bar");
  bar.firstElementChild.style.width = `${Math.min(100, 100 * share)}%`;
  bar.classList.toggle("full", share > 0.95);
  say("spool", `${number(images)}, ${Math.round(100 * share)} %`);
  say("waiting", `${number(waiting)} verdict${waiting === 1 ? "" : "s"}`);
}

// Versions are digests: their beginnings tell them apart, and the panel is narrow.
function shortBundle(bundle) {
  const [name, version = ""] = bundle.split(" ");
  return `${name.replace(/^inspection-/, "")} ${version.slice(0, 8)}`.trim();
}

function showHealth() {
  byId("health").querySelector("ul").replaceChildren(...status.health.map((part) => {
    const item = make("li", undefined, part.state), line = make("span"), sign = shape(STATES[part.state]);
    sign.setAttribute("aria-label", part.state); sign.removeAttribute("aria-hidden");
    line.append(make("b", part.name), make("small", part.text ? ` ${part.text}` : ""));
    line.title = part.text;
    item.append(sign, line);
    return item;
  }));
}

// ---- the image

function paint() {
  const canvases = [byId("picture"), byId("overlay")];
  const { width, height } = byId("live").getBoundingClientRect(), ratio = window.devicePixelRatio || 1;
  for (const canvas of canvases) {
    canvas.width = Math.round(width * ratio); canvas.height = Math.round(height * ratio);
  }
  if (!brought) return;
  const { particulars, picture, heat } = brought;
  const scale = Math.min(canvases[0].width / picture.width, canvases[0].height / picture.height);
  const w = picture.width * scale, h = picture.height * scale;
  const x = (canvases[0].width - w) / 2, y = (canvases[0].height - h) / 2;
  canvases[0].getContext("2d").drawImage(picture, x, y, w, h);
  if (hasOverlay) paintOverlay(canvases[1].getContext("2d"), { particulars, heat, x, y, w, h, ratio });
  const kind = kindOf(particulars), caption = byId("caption");
  caption.className = kind;
  caption.replaceChildren(shape(kind), ` ${particulars.part_id}`);
}

function paintOverlay(context, { particulars, heat, x, y, w, h, ratio }) {
  if (heat) { context.imageSmoothingQuality = "high"; context.drawImage(heat, x, y, w, h); }
  const [frameWidth, frameHeight] = particulars.frame_size_px, pad = 3 * ratio;
  for (const blob of particulars.blobs) {
    const box = [x + blob.x_px / frameWidth * w - pad, y + blob.y_px / frameHeight * h - pad,
      blob.width_px / frameWidth * w + 2 * pad, blob.height_px / frameHeight * h + 2 * pad];
    for (const [colour, thick] of [["#05080a", 5], ["#ffe08a", 2.5]]) {
      context.strokeStyle = colour; context.lineWidth = thick * ratio; context.strokeRect(...box);
    }
  }
}

// ---- touch

function showOverlayButton() { byId("overlay-button").setAttribute("aria-pressed", String(hasOverlay)); }
byId("overlay-button").addEventListener("click", () => {
  hasOverlay = !hasOverlay; store("overlay", hasOverlay ? "on" : "off"); showOverlayButton(); paint();
});
byId("theme-button").addEventListener("click", () => {
  const root = document.documentElement.dataset;
  const isDark = root.theme ? root.theme === "dark" : !matchMedia("(prefers-color-scheme: light)").matches;
  root.theme = isDark ? "light" : "dark"; store("theme", root.theme);
});
if (stored("theme")) document.documentElement.dataset.theme = stored("theme");
new ResizeObserver(paint).observe(byId("live"));
showOverlayButton();
setInterval(look, LOOK_MS);
ask();
