"use strict";

// ---- What the server sends, and when to draw it ----

// All that people read here, in their language. Words in braces are fields.
const TEXTS = JSON.parse(document.getElementById("texts").textContent);

const RETRY = 2000;       // milliseconds before another attempt to reach the server
const SILENCE = 4000;     // milliseconds without a word until something is wrong: it says
                          // at least every 2 s that it is still here
const POLL = 2000;        // milliseconds between two questions, where no stream comes through,
const POLLS = 15;         // and how many there are before the stream is tried again
const ANSWER = 1500;      // milliseconds in which a server that does not stand still answers
const TICK = 250;         // milliseconds between two looks at the clock

const calm = matchMedia("(prefers-reduced-motion: reduce)");
const byId = (id) => document.getElementById(id);
const main = document.querySelector("main");

let source = null;          // the EventSource, while there is one
let retry = null;           // the timer of the next attempt to connect
let polling = false;        // whether we ask for the state, since no stream comes through
let lastHeard = 0;          // when (performance.now) the server last said something,
let lastHeardAt = null;     // and the same as a Date
let connection = "";        // connecting, live, polled, full or lost
let frozen = null;          // the Date of the moment that the picture is held at
let state = null;           // the last state that the server sent,
let stateTime = 0;          // when it came,
let minuteUptime = 0;       // the uptime of the server when it sent the last minute,
let lostTime = null;        // and when the server was last heard: then no clock goes on
const cities = new Map();   // name -> {city, maximum, minimum, high, low}; the last two as numbers
const stale = {state: false, cities: false, size: false};  // what must be drawn anew
let frame = null;           // the animation frame asked for
let drawnSecond = null;     // the second of the server's uptime that was drawn last

function connect() {
  clearTimeout(retry);
  if (document.hidden || polling) return;
  source = new EventSource("events");
  source.onerror = lose;
  source.addEventListener("here", hear);
  source.addEventListener("state", (event) => { hear(); takeState(JSON.parse(event.data)); });
  source.addEventListener("cities", (event) => { hear(); takeCities(JSON.parse(event.data)); });
  lastHeard = performance.now();
}

function hear() {
  lastHeard = performance.now();
  lastHeardAt = new Date();
  lostTime = null;
  showConnection(polling ? "polled" : "live");
}

// A browser connects again by itself after some failures but not after all: we do it after each.
function lose() {
  letGo();
  retry = setTimeout(connect, RETRY);
  if (connection !== "lost" && connection !== "full") {
    lostTime = lastHeard;
    showConnection("lost");
  }
  fetch("events", {method: "HEAD"}).then((answer) => {
    if (answer.status === 503) showConnection("full");
  }, () => showConnection("lost"));
}

function letGo() {
  if (source) source.close();
  source = null;
}

// Nothing came for long. If the server answers nevertheless, something between us gathers what it
// sends: then we ask.
async function doubt() {
  letGo();
  polling = await poll();
  if (!polling) return lose();
  let left = POLLS;
  const timer = setInterval(async () => {
    if (!document.hidden && left-- && await poll()) return;
    polling = false;
    clearInterval(timer);
    if (left < 0) connect();
    else if (!document.hidden) lose();
  }, POLL);
}

async function poll() {
  try {
    const ends = new AbortController();
    setTimeout(() => ends.abort(), ANSWER);
    const answer = await fetch("state", {signal: ends.signal});
    const news = await answer.json();
    polling = true;
    hear();
    takeState(news);
    if (news.temperatures) takeCities({reset: true, readings: news.temperatures.ranges});
    return true;
  } catch (error) {
    return false;
  }
}

// A hidden tab needs no stream: browsers allow six connections to a server for all tabs together.
function showOrHide() {
  if (document.hidden) {
    letGo();
    clearTimeout(retry);
  } else if (!source) {
    connect();
  }
}

function takeState(news) {
  state = {...state, ...news};
  stateTime = performance.now();
  if (news.messages) minuteUptime = news.uptime;
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

function showConnection(name) {
  if (connection === name) return;
  connection = name;
  const away = name === "lost" || name === "full";
  byId("connection").className = name;
  setText(byId("connection"), TEXTS[name]);
  byId("banner").hidden = !(away && lastHeardAt);
  if (lastHeardAt) setText(byId("banner"), fill(TEXTS.noWord, {time: timeOf(lastHeardAt)}));
  toggle(main, "stale", away);
}

// Draw at most once a frame, and not at all in a hidden tab, which has no frames.
function redraw(what) {
  if (what) stale[what] = true;
  if (frame === null) frame = requestAnimationFrame(draw);
}

function draw() {
  frame = null;
  if (state === null) return;
  showLater();
  if (frozen) return;
  const second = Math.floor(state.uptime + age());
  if (stale.state || stale.size) drawState();
  drawSlots();
  drawLatest();
  if (stale.state || stale.size || second !== drawnSecond) drawMinute();
  if (state.temperatures && (stale.cities || stale.size)) drawRanges();
  drawnSecond = second;
  stale.state = stale.size = false;
}

// Time passes although the server has nothing to say.
function tick() {
  if (document.hidden) return;
  setText(byId("clock"), timeOf(new Date()));
  if (source && performance.now() - lastHeard > SILENCE) doubt();
  if (lostTime === null) redraw();
}

// Return the seconds since the state came.
function age() {
  return ((lostTime === null ? performance.now() : lostTime) - stateTime) / 1000;
}

// Hold the picture still, to talk about it; or let it go on.
function freeze() {
  frozen = frozen ? null : new Date();
  byId("freeze").setAttribute("aria-pressed", String(Boolean(frozen)));
  setText(byId("freeze"), frozen ? TEXTS.goOn : TEXTS.freeze);
  byId("frozen").hidden = !frozen;
  if (frozen) setText(byId("frozen"), fill(TEXTS.frozen, {time: timeOf(frozen)}));
  stale.cities = true;
  redraw("state");
}

function freezeWithSpace(event) {
  if (event.key !== " " || event.target.closest("input, button")) return;
  event.preventDefault();
  freeze();
}

function start() {
  document.documentElement.lang = TEXTS.language;
  for (const element of document.querySelectorAll("[data-text]")) {
    setText(element, TEXTS[element.dataset.text]);
  }
  prepareFind();
  byId("freeze").addEventListener("click", freeze);
  document.addEventListener("keydown", freezeWithSpace);
  document.addEventListener("visibilitychange", showOrHide);
  const resized = new ResizeObserver(() => redraw("size"));
  for (const plot of document.querySelectorAll(".plot, #boxes")) resized.observe(plot);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => redraw("size"));
  showConnection("connecting");
  setInterval(tick, TICK);
  connect();
}
