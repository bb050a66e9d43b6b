"use strict";

// All that people read here. Words in braces are fields.
const TEXTS = {
  language: "en",
  title: "{service}: live",
  service: "Service {service}",
  connecting: "○ Connecting …",
  live: "● Live",
  lost: "✕ Lost the server at {time}: you see how it was then. Trying again …",
  slots: "Slots",
  slotsUsed: "{used} of {slots} busy",
  slotsUnlimited: "{used} busy, no limit",
  slotsMore: "and {count} more",
  doing: {"in work": "busy", "silent": "silent", "half a message": "half a message",
          "not reading": "not reading", "leaving": "leaving"},
  free: "free",
  seconds: "{seconds} s",
  clients: "Clients",
  waiting: "waiting",
  waitingUnknown: "waiting (unknown)",
  totals: {"served": "served", "refused": "refused", "timed out": "timed out", "gone": "gone",
           "failed": "failed", "accepted": "accepted", "errors": "errors"},
  mistake: "Latest error, {time}, to {client}: {reply}",
  hottest: "▲ Hottest city",
  coldest: "▼ Coldest city",
  degrees: "{degrees} °C",
  noCity: "none yet",
  latest: "Latest readings",
  range: "{minimum} to {maximum} °C",
  messages: "Messages per second",
  rate: "{count} now",
  secondsAgo: "{seconds} s ago",
  now: "now",
  messagesPicture: "Messages per second over the last minute: now {count}, at most {most}.",
  ranges: "Cities: {count} (°C)",
  rangesHint: "One bar a city, from its minimum to its maximum.",
  rangesHintMany: "Each line is {count} cities: strong where all their ranges overlap.",
  rangesPicture: "Ranges of the cities ({count}) by their maximum, from {first} down to {last}.",
  shortRange: "{minimum} to {maximum}",
  rank: "{rank}. {city}",
  noReadings: "No city has sent a reading yet.",
  find: "Find a city",
  found: "{city}: {minimum} to {maximum} °C, number {rank} of {count}",
  notFound: "No city has “{text}” in its name.",
};

const RETRY = 2000;       // milliseconds before another attempt to reach the server
const SILENCE = 25000;    // milliseconds without a word until the server counts as lost
const TICK = 200;         // milliseconds between the steps of the clocks in the slots
const DESCRIBE = 5000;    // milliseconds between new descriptions of a picture
const MOST_BOXES = 300;   // slots drawn; of more, only the number is told
const MOST_DOTS = 24;     // waiting clients drawn as dots
const LIMIT = 1e6;        // degrees: to draw, all beyond are as good as that
const LONG_NAME = 15;     // characters of a city's name that fit in large letters,
const LONG_DEGREES = 8;   // and of a temperature

const calm = matchMedia("(prefers-reduced-motion: reduce)");
const byId = (id) => document.getElementById(id);
const main = document.querySelector("main");

let source = null;          // the EventSource, while there is one
let lastHeard = 0;          // when (performance.now) the server last said something
let connection = "";        // connecting, live or lost
let state = null;           // the last state that the server sent,
let stateTime = 0;          // when it came,
let lostTime = null;        // and when the server was lost: then no clock goes on
const cities = new Map();   // name -> {city, maximum, minimum, high, low}; the last two as numbers
let ranking = [];           // the same, highest maximum first
let chosen = null;          // the name of the city that was pointed at or found
const rows = {top: 0, height: 1};  // where the picture of ranges has its first city, and the next
const stale = {state: false, cities: false, size: false};  // what must be drawn anew
let frame = null;           // the animation frame asked for
let drawnSecond = null;     // the second of the server's uptime at which the line was drawn

// ---- What the server sends ----

function connect() {
  source = new EventSource("events");
  source.onerror = lose;
  source.addEventListener("here", hear);
  source.addEventListener("state", (event) => { hear(); takeState(JSON.parse(event.data)); });
  source.addEventListener("cities", (event) => { hear(); takeCities(JSON.parse(event.data)); });
  hear();
}

function hear() {
  lastHeard = performance.now();
}

// A browser connects again by itself after some failures but not after all: we do it after each.
function lose() {
  source.close();
  setTimeout(connect, RETRY);
  if (connection === "lost") return;
  lostTime = performance.now();
  const time = new Date().toLocaleTimeString(TEXTS.language, {hourCycle: "h23"});
  showConnection("lost", fill(TEXTS.lost, {time}));
}

function takeState(news) {
  state = news;
  stateTime = performance.now();
  lostTime = null;
  showConnection("live", TEXTS.live);
  redraw("state");
}

function takeCities(news) {
  if (news.reset) cities.clear();
  for (const [city, maximum, minimum] of news.readings) {
    const high = Math.min(LIMIT, maximum), low = Math.min(LIMIT, minimum);
    cities.set(city, {city, maximum, minimum, high, low});
  }
  redraw("cities");
}

function showConnection(name, text) {
  if (connection === name) return;
  connection = name;
  byId("connection").className = name;
  setText(byId("connection"), text);
  main.classList.toggle("stale", name === "lost");
}

// ---- When to draw: at most once a frame, and not at all in a hidden tab, which has no frames ----

function redraw(what) {
  if (what) stale[what] = true;
  if (frame === null) frame = requestAnimationFrame(draw);
}

function draw() {
  frame = null;
  if (state === null) return;
  const second = Math.floor(state.uptime + age());
  if (stale.state) drawState();
  drawSlots();
  if (stale.state || stale.size || second !== drawnSecond) drawMessages();
  if (state.temperatures && (stale.cities || stale.size)) drawRanges();
  drawnSecond = second;
  stale.state = stale.size = false;
}

// Time passes although the server has nothing to say.
function tick() {
  const waited = performance.now() - lastHeard;
  if (source.readyState !== EventSource.CLOSED && waited > SILENCE) lose();
  if (connection === "live" && !document.hidden) redraw();
}

// Return the seconds since the state came.
function age() {
  return ((lostTime === null ? performance.now() : lostTime) - stateTime) / 1000;
}

// ---- Words and lists ----

function fill(text, fields) {
  return text.replace(/\{(\w+)\}/g, (_, name) => fields[name]);
}

// Names come from clients: as textContent they are text, whatever is in them.
function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

// Set a text in large letters, or smaller if longer than *limit*; tell whether it is a new one.
function setLargeText(element, text, limit) {
  if (element.textContent === text) return false;
  element.textContent = element.title = text;
  element.classList.toggle("long", text.length > limit);
  return true;
}

// A name written from right to left must not turn the sentence around it (Unicode's FSI, PDI).
function isolate(name) {
  return "\u2068" + name + "\u2069";
}

const number = new Intl.NumberFormat(TEXTS.language).format;

function add(parent, tag, className = "") {
  const element = document.createElement(tag);
  element.className = className;
  return parent.appendChild(element);
}

// Give *list* an item for each of *values*: make(list) adds one, show(item, value, index) fills it.
function fillList(list, values, make, show) {
  while (list.children.length > values.length) list.lastChild.remove();
  while (list.children.length < values.length) make(list);
  values.forEach((value, index) => show(list.children[index], value, index));
}

function drawState() {
  const {waiting, totals, temperatures, mistake} = state;
  document.title = fill(TEXTS.title, state);
  setText(byId("service"), fill(TEXTS.service, state));
  setText(byId("waiting"), waiting === null ? "?" : number(waiting));
  setText(byId("waiting-words"), waiting === null ? TEXTS.waitingUnknown : TEXTS.waiting);
  setText(byId("queue"), "●".repeat(Math.min(waiting || 0, MOST_DOTS)));
  fillList(byId("totals"), Object.entries(TEXTS.totals), makeTotal, (pair, [name, word]) => {
    setText(pair.firstChild, word);
    setText(pair.lastChild, number(totals[name]));
    pair.lastChild.id = "total-" + name.replace(" ", "-");
  });
  byId("mistake").hidden = !mistake;
  if (mistake) setText(byId("mistake"), fill(TEXTS.mistake, mistake));
  main.classList.toggle("temp", Boolean(temperatures));
  for (const id of ["hottest", "coldest", "latest", "ranges"]) byId(id).hidden = !temperatures;
  if (!temperatures) return;
  drawExtreme("hottest", temperatures.hottest);
  drawExtreme("coldest", temperatures.coldest);
  fillList(byId("readings"), temperatures.latest, makeReading, (item, reading) => {
    const [time, city, range] = item.children;
    setText(time, reading.time);
    setText(city, reading.city);
    setText(range, fill(TEXTS.range, reading));
  });
}

function makeTotal(list) {
  const pair = add(list, "div");
  add(pair, "dt");
  add(pair, "dd");
}

function makeReading(list) {
  const item = add(list, "li");
  add(item, "time");
  add(item, "span", "city cut").dir = "auto";
  add(item, "span", "range cut");
}

function drawExtreme(id, extreme) {
  const panel = byId(id);
  const degrees = extreme ? fill(TEXTS.degrees, {degrees: extreme.temperature}) : "–";
  setLargeText(byId(id + "-temperature"), degrees, LONG_DEGREES);
  const name = extreme ? extreme.city : TEXTS.noCity;
  const changed = setLargeText(byId(id + "-city"), name, LONG_NAME);
  // A frame that fades; one a second at most: quick flashes can be dangerous (WCAG 2.1, 2.3.1).
  if (changed && !calm.matches && !panel.getAnimations().length) {
    panel.animate({outlineColor: ["currentcolor", "transparent"]}, 1500);
  }
}

// ---- Slots ----

function drawSlots() {
  const {slots, max_threads: limit} = state;
  const used = number(slots.filter(Boolean).length);
  setText(byId("slots-used"), limit ? fill(TEXTS.slotsUsed, {used, slots: number(limit)})
                                    : fill(TEXTS.slotsUnlimited, {used}));
  byId("slots-more").hidden = slots.length <= MOST_BOXES;
  setText(byId("slots-more"), fill(TEXTS.slotsMore, {count: number(slots.length - MOST_BOXES)}));
  // With no limit the number changes all the time; the size of the boxes should not.
  const count = limit || Math.max(slots.length, 13);
  main.dataset.size = boxSize(count);
  main.classList.toggle("many", count > 8);
  main.classList.toggle("unlimited", !limit);
  fillList(byId("boxes"), slots.slice(0, MOST_BOXES), makeSlot, drawSlot);
}

function boxSize(count) {
  if (count <= 4) return "huge";
  if (count <= 12) return "large";
  if (count <= 40) return "medium";
  return count <= 100 ? "small" : "tiny";
}

function makeSlot(list) {
  const item = add(list, "li", "slot");
  add(item, "span", "number");
  add(item, "span", "word cut");
  add(add(item, "span", "client cut"), "bdi").dir = "ltr";
  add(item, "span", "seconds");
}

function drawSlot(item, slot, index) {
  const [place, word, client, seconds] = item.children;
  item.classList.toggle("busy", slot !== null);
  setText(place, state.max_threads ? String(index + 1) : "");
  setText(word, slot ? TEXTS.doing[slot.doing] : TEXTS.free);
  setText(client.firstChild, slot ? slot.client : "");
  setText(seconds, slot ? fill(TEXTS.seconds, {seconds: shortTime(slot.seconds + age())}) : "");
}

function shortTime(seconds) {
  const tenths = seconds < 10 && state.slots.length <= 40 && !calm.matches;
  return tenths ? seconds.toFixed(1) : String(Math.floor(seconds));
}

// ---- Pictures ----

// Wipe *canvas*, sized to its place on the page, and return what is needed to draw on it.
function prepare(canvas) {
  const width = canvas.clientWidth, height = canvas.clientHeight;
  canvas.width = Math.round(width * devicePixelRatio);
  canvas.height = Math.round(height * devicePixelRatio);
  const pen = canvas.getContext("2d");
  pen.scale(devicePixelRatio, devicePixelRatio);
  pen.textBaseline = "middle";
  const style = getComputedStyle(document.documentElement);
  const color = (name) => {
    pen.fillStyle = pen.strokeStyle = style.getPropertyValue("--" + name);
  };
  const font = (size, weight = "") => {
    pen.font = `${weight} ${size}px system-ui, sans-serif`;
  };
  const write = (text, x, y, align) => {
    pen.textAlign = align;
    pen.fillText(text, x, y);
  };
  return {pen, width, height, em: parseFloat(style.fontSize), color, font, write};
}

// Return round numbers at equal distances, about *count* of them, that enclose *low* and *high*.
function ticks(low, high, count) {
  const least = Math.max((high - low) / count, 1);
  const power = 10 ** Math.floor(Math.log10(least));
  const step = [1, 2, 5, 10].map((factor) => factor * power).find((size) => size >= least);
  const marks = [Math.floor(low / step) * step];
  do marks.push(marks[marks.length - 1] + step); while (marks[marks.length - 1] < high);
  return marks;
}

// Describe a picture to those who cannot see it, seldom enough to be heard to the end.
function describe(canvas, text, fields) {
  const now = performance.now();
  if (canvas.describedAt && now - canvas.describedAt < DESCRIBE) return;
  canvas.describedAt = now;
  canvas.setAttribute("aria-label", fill(text, fields));
}

// Return the messages in each of the last 59 seconds that are over. The server counts by seconds
// of its uptime; its last count is of the second under way. Since then it has been silent about
// messages, so there were none.
function messageCounts() {
  const passed = Math.floor(state.uptime + age()) - Math.floor(state.uptime);
  const counts = state.messages.concat(new Array(Math.min(passed, 60)).fill(0));
  return counts.slice(-60, -1);
}

function drawMessages() {
  const counts = messageCounts();
  const now = counts[counts.length - 1], most = Math.max(...counts);
  setText(byId("rate"), fill(TEXTS.rate, {count: number(now)}));
  const canvas = byId("messages-plot");
  describe(canvas, TEXTS.messagesPicture, {count: number(now), most: number(most)});

  const {pen, width, height, em, color, font, write} = prepare(canvas);
  const marks = ticks(0, most, height / (2.2 * em));
  font(.9 * em);
  const left = Math.max(...marks.map((mark) => pen.measureText(number(mark)).width)) + .5 * em;
  const right = width - .5 * em, top = .6 * em, bottom = height - 1.4 * em;
  const x = (index) => left + (right - left) * index / (counts.length - 1);
  const y = (count) => bottom - (bottom - top) * count / marks[marks.length - 1];
  for (const mark of marks) {
    color("grid");
    pen.fillRect(left, Math.round(y(mark)), right - left, 1);
    color("quiet");
    write(number(mark), left - .4 * em, y(mark), "right");
  }
  const foot = height - .5 * em;
  write(fill(TEXTS.secondsAgo, {seconds: 60}), left, foot, "left");
  if (width > 16 * em) write(fill(TEXTS.secondsAgo, {seconds: 30}), x(29), foot, "center");
  write(TEXTS.now, width, foot, "right");

  color("busy");
  pen.lineWidth = .15 * em;
  pen.lineJoin = "round";
  pen.beginPath();
  counts.forEach((count, index) => pen.lineTo(x(index), y(count)));
  pen.stroke();
  pen.beginPath();
  pen.arc(right, y(now), .25 * em, 0, 2 * Math.PI);
  pen.fill();
}

// ---- The ranges of all cities ----

function drawRanges() {
  stale.cities = false;
  ranking = Array.from(cities.values()).sort((a, b) => b.high - a.high || b.low - a.low);
  const count = number(ranking.length);
  setText(byId("ranges-title"), fill(TEXTS.ranges, {count}));
  const canvas = byId("ranges-plot");
  canvas.parentElement.style.setProperty("--cities", ranking.length);
  const paper = prepare(canvas);
  const {width, height, em} = paper;
  rows.top = 1.5 * em;
  rows.height = Math.min(3.4 * em, (height - rows.top - .5 * em) / ranking.length);
  drawFound();
  if (!ranking.length) return canvas.setAttribute("aria-label", TEXTS.noReadings);
  describe(canvas, TEXTS.rangesPicture,
           {count, first: ranking[0].city, last: ranking[ranking.length - 1].city});
  const left = Math.min(8 * em, width * .36);
  const axis = drawAxis(paper, left, width - 1.2 * em);
  drawBars(paper, axis);
  if (citiesPerLine() === 1) drawArrows(paper, axis);
  drawNames(paper, axis, left - .4 * em);
}

// Where the city at *index* has its middle.
function middle(index) {
  return rows.top + (index + .5) * rows.height;
}

// How many cities share a line of pixels, where there are more of them than lines.
function citiesPerLine() {
  return Math.max(1, Math.ceil(1 / rows.height));
}

// Draw the scale of temperatures; return its ends, and the function x that tells where one is.
function drawAxis({pen, em, color, font, write}, left, right) {
  const [low, high] = scope();
  const within = (degrees) => Math.max(low, Math.min(high, degrees));
  const x = (degrees) => left + (right - left) * (within(degrees) - low) / (high - low);
  font(.9 * em);
  for (const mark of ticks(low, high, (right - left) / (2.5 * em))) {
    if (mark < low || mark > high) continue;
    color("grid");
    pen.fillRect(Math.round(x(mark)), rows.top, 1, rows.height * ranking.length);
    color("quiet");
    write(number(mark), x(mark), .6 * em, "center");
  }
  return {low, high, x};
}

// Return the lowest and the highest temperature to show. One prank must not squeeze all others
// together: what lies far out, by Tukey's rule more than three times the distance between the
// quartiles beyond them, is cut off.
function scope() {
  const all = Float64Array.from(ranking.flatMap(({low, high}) => [low, high])).sort();
  const quartile = (share) => all[Math.round((all.length - 1) * share)];
  const reach = 3 * Math.max(quartile(.75) - quartile(.25), 5);
  return [Math.max(all[0], quartile(.25) - reach) - 1,
          Math.min(all[all.length - 1], quartile(.75) + reach) + 1];
}

// One bar a city. Where several share a line of pixels, the line is strong for the temperatures
// within the ranges of all of them, and pale for those within the ranges of some.
function drawBars({pen, color}, {x}) {
  const together = citiesPerLine();
  const thickness = together * rows.height * (rows.height < 4 ? 1 : .62);
  color("busy");
  for (let start = 0; start < ranking.length; start += together) {
    const group = ranking.slice(start, start + together);
    const lows = group.map((city) => city.low);
    const y = middle(start + (together - 1) / 2) - thickness / 2;
    const bar = (low, high) => {
      if (low <= high) pen.fillRect(x(low), y, Math.max(2, x(high) - x(low)), thickness);
    };
    pen.globalAlpha = .45;
    if (together > 1) bar(Math.min(...lows), group[0].high);
    pen.globalAlpha = 1;
    bar(Math.max(...lows), group[group.length - 1].high);
  }
}

// Where a bar is cut off, an arrow says so.
function drawArrows({em, color, font, write}, {low: least, high: most, x}) {
  color("text");
  font(Math.min(em, rows.height));
  ranking.forEach(({low, high}, index) => {
    if (high > most) write("▶", x(most), middle(index), "left");
    if (low < least) write("◀", x(least), middle(index), "right");
  });
}

// Names to the left: of every city or, where they are too many, of some at equal distances with
// their rank. The chosen city stands out.
function drawNames({pen, em, color, font, write}, {x}, room) {
  const count = ranking.length;
  const every = rows.height >= .6 * em, roomy = rows.height >= 2.3 * em;
  const size = every ? Math.min(1.05 * em, rows.height * .85) : .8 * em;
  const names = every ? count : Math.floor(rows.height * count / (1.4 * em));
  const marked = ranking.findIndex(({city}) => city === chosen);
  const name = (index, weight = "") => {
    const {city, ...range} = ranking[index];
    const text = every ? city : fill(TEXTS.rank, {rank: number(index + 1), city});
    font(size, weight);
    write(shorten(pen, text, room), 0, middle(index) - (roomy ? .55 * em : 0), "left");
    if (!roomy) return;
    font(.9 * em, weight);
    write(shorten(pen, fill(TEXTS.shortRange, range), room), 0, middle(index) + .6 * em, "left");
  };
  color("text");
  for (let n = 0; n < names; n++) {
    const index = Math.round(n * (count - 1) / Math.max(1, names - 1));
    if (marked < 0 || Math.abs(index - marked) * rows.height >= 1.1 * size) name(index);
  }
  if (marked < 0) return;
  color("hot");
  name(marked, "bold");
  const {low, high} = ranking[marked];
  const thickness = Math.max(.25 * em, rows.height * .62);
  pen.fillRect(x(low), middle(marked) - thickness / 2, Math.max(2, x(high) - x(low)), thickness);
}

// Return *text*, or as much of its beginning as fits in *room* pixels, with an ellipsis.
function shorten(pen, text, room) {
  if (pen.measureText(text).width <= room) return text;
  const letters = Array.from(text);
  while (letters.length && pen.measureText(letters.join("") + "…").width > room) letters.pop();
  return letters.join("") + "…";
}

// ---- To find a city among them ----

// Return *text* without accents and capitals, so that "sao" finds "São Paulo".
function plain(text) {
  return text.normalize("NFD").replace(/\p{M}/gu, "").toLowerCase();
}

function find(text) {
  const sought = plain(text.trim());
  if (!sought) return null;
  const found = ranking.find(({city}) => plain(city).startsWith(sought))
    || ranking.find(({city}) => plain(city).includes(sought));
  return found ? found.city : null;
}

function choose(city) {
  chosen = city;
  redraw("cities");
}

function drawFound() {
  setText(byId("found"), foundText(byId("find").value.trim()));
}

function foundText(sought) {
  const count = number(ranking.length), together = citiesPerLine();
  const index = ranking.findIndex(({city}) => city === chosen);
  if (!ranking.length) return TEXTS.noReadings;
  if (index >= 0) {
    const {minimum, maximum} = ranking[index];
    const city = isolate(chosen), rank = number(index + 1);
    return fill(TEXTS.found, {city, minimum, maximum, rank, count});
  }
  if (sought) return fill(TEXTS.notFound, {text: sought});
  return together > 1 ? fill(TEXTS.rangesHintMany, {count: together}) : TEXTS.rangesHint;
}

// The arrow keys go through the cities, a page at a time with the page keys.
function moveWithKeys(event) {
  const by = {ArrowDown: 1, ArrowUp: -1, PageDown: 10, PageUp: -10}[event.key];
  if (!by || !ranking.length) return;
  event.preventDefault();
  const index = ranking.findIndex(({city}) => city === chosen) + by;
  choose(ranking[Math.max(0, Math.min(ranking.length - 1, index))].city);
  byId("find").value = chosen;
}

function point(event) {
  const city = ranking[Math.floor((event.offsetY - rows.top) / rows.height)];
  choose(city ? city.city : null);
}

function start() {
  document.documentElement.lang = TEXTS.language;
  for (const element of document.querySelectorAll("[data-text]")) {
    setText(element, TEXTS[element.dataset.text]);
  }
  const field = byId("find"), canvas = byId("ranges-plot");
  field.placeholder = TEXTS.find;
  field.setAttribute("aria-label", TEXTS.find);
  field.addEventListener("input", () => choose(find(field.value)));
  field.addEventListener("keydown", moveWithKeys);
  canvas.addEventListener("pointermove", point);
  canvas.addEventListener("pointerdown", point);
  canvas.addEventListener("pointerleave", (event) => {  // a finger leaves whenever it is lifted
    if (event.pointerType === "mouse") choose(find(field.value));
  });
  const resized = new ResizeObserver(() => redraw("size"));
  for (const plot of document.querySelectorAll(".plot")) resized.observe(plot);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => redraw("size"));
  showConnection("connecting", TEXTS.connecting);
  setInterval(tick, TICK);
  connect();
}

start();
