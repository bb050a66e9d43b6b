// ---- The way of a message: how many are at each station, what goes on there, and what to do ----

const MOST_DOTS = 128;      // waiting clients drawn as dots
const STANDS = 1;           // seconds after which a consumer that is at work stands still
const WAITS_LONG = 3;       // seconds of waiting after which it is said that nobody gets on
const MOST_ADVICE = 2;      // sentences of advice at a time
const QUIET = ["well", "nobody", "none"];  // what is said where there is nothing to do

// What clients do, in the order in which it is told, and what of it keeps a slot for nothing.
const KINDS = ["in work", "silent", "half a message", "not reading", "leaving", "free"];
const IDLE = ["silent", "half a message"];

let waitsSince = null;      // the uptime since when somebody waits and nobody has left
let leftBefore = 0;         // how many had left then
let advised = "";           // the kinds of advice that were announced

function drawWay() {
  const counted = countKinds();
  drawStations(counted);
  drawKinds(counted);
  drawAdvice(counted);
}

// Return what each kind of client in the slots is doing: how many do, and for how long the longest.
function countKinds() {
  const counted = {};
  for (const slot of state.slots) {
    const kind = slot ? slot.doing : "free";
    const known = counted[kind] = counted[kind] || {count: 0, since: 0};
    known.count += 1;
    if (slot) known.since = Math.max(known.since, slot.since);
  }
  return counted;
}

const inSlots = (counted) => state.slots.length - (counted.free ? counted.free.count : 0);

// Return for how many seconds somebody has waited and nobody has left.
function nobodyGetsOn() {
  const {totals} = state, uptime = state.uptime + age();
  const left = totals.served + totals["timed out"] + totals.gone + totals.failed;
  if (!state.waiting || left !== leftBefore) waitsSince = null;
  leftBefore = left;
  if (!state.waiting) return 0;
  if (waitsSince === null || waitsSince > uptime) waitsSince = uptime;
  return uptime - waitsSince;
}

function consumerStands(way) {
  return way.consumer !== "waiting" && way.since + age() >= STANDS ? Math.floor(way.since + age()) : 0;
}

// ---- The stations ----

function drawStations(counted) {
  const {waiting, wait, temperatures, max_threads: limit} = state, used = inSlots(counted);
  const about = wait === null || state.jam ? "" : fill(TEXTS.waitingAbout, {seconds: number(Math.ceil(wait))});
  const idle = IDLE.reduce((sum, kind) => sum + (counted[kind] ? counted[kind].count : 0), 0);
  const stations = [
    {name: "waiting", count: waiting === null ? "?" : number(waiting), full: waiting > 0,
     stands: nobodyGetsOn() >= WAITS_LONG,
     note: waiting === null ? TEXTS.waitingUnknown : about, dots: waiting || 0},
    {name: "slots", count: number(used), full: used > 0, stands: used > 0 && idle === used && Boolean(limit) &&
     used === state.slots.length, note: limit ? fill(TEXTS.slotsOf, {slots: number(limit)}) : TEXTS.slotsUnlimited}];
  if (temperatures) {
    const {way} = state, {hand} = way, stands = consumerStands(way) > 0;
    stations.push(
      {name: "queue", count: number(way.queue), full: way.queue > 0, stands: stands && way.queue > 0, note: ""},
      {name: "consumer", count: number(hand), full: hand > 0, stands,
       note: TEXTS.consuming[way.locked && way.consumer === "waiting" ? "recording" : way.consumer]},
      {name: "cities", count: number(temperatures.cities), full: temperatures.cities > 0, note: ""});
  } else {
    stations.push({name: "replies", count: number(state.totals.messages), full: state.totals.messages > 0, note: ""});
  }
  fillList(byId("stations"), stations, makeStation, drawStation);
}

function makeStation(list) {
  const item = add(list, "li");
  add(item, "span", "count");
  const about = add(item, "span", "about");
  add(about, "span", "word");
  add(about, "span", "note");
  add(about, "span", "dots").setAttribute("aria-hidden", "true");
}

function drawStation(item, {name, count, full, stands, note, dots = 0}) {
  setAttribute(item, "id", "station-" + name);
  setClass(item, "station" + (full ? " full" : "") + (stands ? " stands" : ""));
  const [word, said, drawn] = item.lastChild.children;
  setAttribute(word, "id", "station-" + name + "-word");
  setText(item.firstChild, count);
  setProperty(item, "--letters", String(Math.max(2, count.length)));
  setText(word, TEXTS.stations[name]);
  setText(said, stands ? TEXTS.standsStill : note);
  const text = "●".repeat(Math.min(dots, MOST_DOTS));
  setText(drawn, dots > MOST_DOTS ? text + "…" : text);
}

// ---- What goes on, in large words, and what to do about it ----

function drawKinds(counted) {
  const kinds = KINDS.filter((kind) => counted[kind]);
  fillList(byId("kinds"), kinds, (list) => add(list, "li"), (item, kind) => {
    const {count, since} = counted[kind];
    setClass(item, "kind " + kind.replace(/ /g, "-"));
    setText(item, fill(TEXTS.kinds[kind], {count: number(count), seconds: number(Math.floor(since + slotsAge()))}));
  });
}

function drawAdvice(counted) {
  const {way} = state, stuck = state.stuck || [];
  const kinds = adviceFor(counted).filter((kind) => !stuck.length || !QUIET.includes(kind));
  const fields = {
    slots: number(state.slots.length), more: String(state.jam),
    seconds: way ? number(consumerStands(way)) : "", count: way ? number(way.queue + way.hand) : ""};
  const ended = stuck.map((sentence) => /[.!?]$/.test(sentence) ? sentence : sentence + ".");
  const sentences = [...ended, ...kinds.map((kind) => fill(TEXTS.advice[kind], fields))].slice(0, MOST_ADVICE);
  setSentences(byId("advice"), sentences.join(" "));
  byId("now").classList.toggle("trouble", stuck.length > 0 || ["jam", "consumer"].includes(kinds[0]));
  const kind = [...stuck, ...kinds].join().replace(/\d+/g, "");  // numbers go on: that is no news to be read out
  if (kind !== advised) setText(byId("announced-advice"), sentences.join(" "));
  advised = kind;
}

// Options in a text stay in one piece, and are not translated.
function setSentences(element, text) {
  if (element.textContent === text) return;
  element.textContent = "";
  text.split(/(--[a-z][a-z-]*(?: \d+)?)/).forEach((part, index) => {
    if (index % 2) setText(addName(element, "code"), part);
    else element.append(part);
  });
}

// Return the kinds of advice for what goes on, the most urgent first.
function adviceFor(counted) {
  const {waiting, way, totals, max_threads: limit} = state;
  const kinds = [];
  if (state.jam) kinds.push("jam");
  if (way && consumerStands(way)) kinds.push("consumer");
  for (const kind of ["half a message", "not reading"]) if (counted[kind]) kinds.push(kind);
  if (!state.jam && waiting && limit && inSlots(counted) === limit) kinds.push("full");
  if (counted.silent && !state.jam) kinds.push("silent");
  if (kinds.length) return kinds;
  return [inSlots(counted) ? "well" : totals.accepted ? "nobody" : "none"];
}
