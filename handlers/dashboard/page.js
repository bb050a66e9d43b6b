"use strict";

// All that people read here, in their language (texts.json). Words in braces are fields.
const TEXTS = JSON.parse(document.getElementById("texts").textContent);

// Milliseconds between things.
const PACE = {
  retry: 2000,     // until another attempt to reach the server
  silence: 4000,   // without a word until the server is asked; it says something every 2 s
  answer: 1500,    // until the answer must be there, or the server counts as lost
  all: 30000,      // until the whole state must be there, of a server that has answered
  poll: 2000,      // between two questions where the stream does not come through
  polls: 15,       // how many questions until the stream is tried again (no time)
  tick: 200,       // between the steps of the clocks
  list: 1000,      // between two changes of the latest readings
  pin: 10000,      // for which a mistake stays in sight
  describe: 5000,  // between new descriptions of a picture, and of what was found
};
const MOST_BOXES = 400;   // slots drawn; of more, only the number is told
const MOST_DOTS = 128;    // waiting clients drawn as dots
const LIMIT = 1e6;        // degrees: to draw, all beyond are as good as that
const LEAST_FIT = .5;     // to how much of its size a name may shrink, before it takes two lines

// How slots are drawn: so many at most, the size of their letters, columns.
const SIZES = [[6, "huge", 6], [12, "large", 6], [40, "medium", 10], [100, "small", 20],
               [Infinity, "tiny", 40]];

const calm = matchMedia("(prefers-reduced-motion: reduce)");
const byId = (id) => document.getElementById(id);
const main = document.querySelector("main");

let source = null;          // the EventSource, while there is one
let asked = null;           // the AbortController of a question, while there is one
let timer = null;           // of the next attempt or question
let lastHeard = 0;          // when (performance.now) the server last said something,
let lastWord = null;        // and at what time
let polls = 0;              // questions asked since the stream was tried
let connection = "";        // connecting, live, asking, full or lost
let state = null;           // what the server has told of its state,
let stateTime = 0;          // when the last of it came,
let lostTime = null;        // and when the server was lost: then no clock goes on
let countedSecond = 0;      // the second of the server's uptime with which its counts end
let frozen = false;         // the picture is held still
const pinned = {mistake: null, until: 0};
const recent = {seen: null, fresh: 0, due: 0};  // the readings: known ones, new ones, next change
const cities = new Map();   // name -> {city, maximum, minimum, high, low}; the last two as numbers
let ranking = [];           // the same, highest maximum first
let chosen = null;          // the name of the city that was pointed at or found
const rows = {top: 0, height: 1};  // where the picture of ranges has its first city, and the next
const stale = {state: false, cities: false, size: false};  // what must be drawn anew
let frame = null;           // the animation frame asked for
let drawnSecond = null;     // the second of the server's uptime at which the line was drawn

// ---- What the server sends ----

function connect() {
  hangUp();
  if (document.hidden) return;
  source = new EventSource("events");
  source.onerror = askWhy;
  source.addEventListener("here", hear);
  source.addEventListener("state", (event) => takeState(JSON.parse(event.data)));
  source.addEventListener("cities", (event) => takeCities(JSON.parse(event.data)));
  lastHeard = performance.now();
  polls = 0;
}

// A tab that nobody sees holds no stream: a browser has six for all its tabs.
function hangUp() {
  clearTimeout(timer);
  if (source) source.close();
  if (asked) asked.abort();
  source = asked = null;
}

function later(what, milliseconds) {
  clearTimeout(timer);
  timer = setTimeout(what, milliseconds);
}

function hear() {
  lastHeard = performance.now();
  lastWord = new Date();
  if (lostTime === null && connection === (source ? "live" : "asking")) return;
  lostTime = null;
  showConnection(source ? "live" : "asking");
}

// Ask the server for something; what comes of it goes to answered(reply), or it is lost.
async function ask(path, method, answered, patience = PACE.answer) {
  hangUp();
  const question = asked = new AbortController();
  const limit = setTimeout(() => question.abort(), patience);
  try {
    const reply = await fetch(path, {method, signal: question.signal, cache: "no-store"});
    await answered(reply);
  } catch (error) {
    if (asked === question) lose();
  } finally {
    clearTimeout(limit);
    if (asked === question) asked = null;
  }
}

// The stream has failed, and an EventSource does not tell why.
function askWhy() {
  ask("events", "HEAD", (reply) => {
    if (reply.status === 503) showConnection("full");
    else if (!reply.ok) throw new Error(reply.status);
    later(connect, PACE.retry);
  });
}

// The stream is silent. If the server answers, something on the way holds the stream back; or it was
// for once only, so now and then the stream is tried again.
function poll() {
  ask("./", "HEAD", () => { askForAll(); });  // at once; to make the state of many cities takes longer
}

function askForAll() {
  ask("state", "GET", async (reply) => {
    if (!reply.ok) throw new Error(reply.status);
    const {temperatures, ...news} = await reply.json();
    const {ranges, ...rest} = temperatures || {};
    source = null;
    takeState(temperatures ? {...news, temperatures: rest} : news);
    if (ranges) takeCities({reset: true, readings: ranges});
    polls += 1;
    later(polls < PACE.polls ? poll : connect, PACE.poll);
  }, PACE.all);
}

function lose() {
  hangUp();
  later(connect, PACE.retry);
  if (lostTime === null) lostTime = lastHeard;
  showConnection("lost");
  redraw("size");  // the picture of that time, also its clocks
}

// Only what has changed comes.
function takeState(news) {
  const recently = news.temperatures && news.temperatures.latest;
  state = {...state, ...news};
  stateTime = performance.now();
  if (news.messages) countedSecond = Math.floor(news.uptime);
  if (recently) countFresh(recently);
  hear();
  redraw("state");
}

function takeCities(news) {
  if (news.reset) cities.clear();
  for (const [city, maximum, minimum] of news.readings) {
    const high = Math.min(LIMIT, maximum), low = Math.min(LIMIT, minimum);
    cities.set(city, {city, maximum, minimum, high, low});
  }
  hear();
  redraw("cities");
}

function clockTime(date) {
  return date.toLocaleTimeString(TEXTS.language, {hourCycle: "h23"});
}

function showConnection(name) {
  if (connection === name) return;
  connection = name;
  const time = clockTime(lastWord || new Date());
  byId("connection").className = name;
  setText(byId("connection"), fill(TEXTS[name], {time}));
  document.body.classList.toggle("lost", name === "lost" || name === "full");
  main.classList.toggle("stale", name === "lost");
}

// ---- To hold the picture ----

function freeze() {
  frozen = !frozen;
  main.classList.toggle("frozen", frozen);
  byId("freeze").setAttribute("aria-pressed", frozen);
  setText(byId("freeze"), frozen ? fill(TEXTS.frozen, {time: clockTime(new Date())})
                                 : TEXTS.freeze);
  if (!frozen) redraw("size");
}

// The space bar does what it does everywhere, where somebody writes or has a button chosen.
function freezeWithSpace(event) {
  if (event.key !== " " || event.repeat || event.target.closest("input, button")) return;
  event.preventDefault();
  freeze();
}

// ---- When to draw: at most once a frame, and not at all in a hidden tab, which has no frames ----

function redraw(what) {
  if (what) stale[what] = true;
  if (frame === null) frame = requestAnimationFrame(draw);
}

function draw() {
  frame = null;
  if (state === null || frozen) return;
  const second = Math.floor(state.uptime + age());
  drawSlots();
  if (stale.state || stale.size) drawState();
  if (stale.state || stale.size || second !== drawnSecond) drawMessages();
  if (second !== drawnSecond) drawClocks();
  if (state.temperatures && (stale.cities || stale.size)) drawRanges();
  drawnSecond = second;
  stale.state = stale.size = false;
}

// Time passes although the server has nothing to say.
function tick() {
  if (document.hidden) return;
  const silent = performance.now() - lastHeard > PACE.silence;
  if (source && silent) poll();
  if (connection === "live" || connection === "asking") redraw();
}

// Return the seconds since the state came.
function age() {
  return ((lostTime === null ? performance.now() : lostTime) - stateTime) / 1000;
}

// ---- To begin ----

// The letters go with the size of the window, in which a browser's zoom would change nothing: so
// they grow by as much as the pixels do. A window as wide as before that has fewer of them inside was
// zoomed before the page came; a side bar takes less.
function watchZoom() {
  const usual = devicePixelRatio / zoomBefore(outerWidth, innerWidth);
  const show = () => {
    const zoom = Math.max(1, devicePixelRatio / usual);
    document.documentElement.style.setProperty("--zoom", zoom);
    document.body.classList.toggle("zoomed", zoom > 1.05);
    redraw("size");
  };
  addEventListener("resize", show);
  if (usual < devicePixelRatio) show();
}

function zoomBefore(outer, inner) {
  return outer > 1.2 * inner ? outer / inner : 1;
}

function start() {
  document.documentElement.lang = TEXTS.language;
  for (const element of document.querySelectorAll("[data-text]")) {
    setText(element, TEXTS[element.dataset.text]);
  }
  const field = byId("find"), canvas = byId("ranges-plot");
  field.placeholder = TEXTS.find;
  field.setAttribute("aria-label", TEXTS.find);
  field.addEventListener("input", () => seek(find(field.value)));
  field.addEventListener("keydown", moveWithKeys);
  canvas.addEventListener("pointermove", point);
  canvas.addEventListener("pointerdown", point);
  canvas.addEventListener("pointerleave", (event) => {  // a finger leaves whenever it is lifted
    if (event.pointerType === "mouse") choose(find(field.value));
  });
  const resized = new ResizeObserver(() => redraw("size"));
  for (const plot of document.querySelectorAll(".plot")) resized.observe(plot);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => redraw("size"));
  showConnection("connecting");
  setText(byId("freeze"), TEXTS.freeze);
  byId("freeze").title = TEXTS.freezeHint;
  byId("freeze").addEventListener("click", freeze);
  document.addEventListener("keydown", freezeWithSpace);
  document.addEventListener("visibilitychange", () => document.hidden ? hangUp() : connect());
  setInterval(tick, PACE.tick);
  watchZoom();
  connect();
}
