// ---- When to draw, and how large: at most once a frame, and not at all in a hidden tab, which has none ----

// By how much browsers zoom, and how many pixels systems have for one of theirs, without zoom.
const ZOOMS = [1.1, 1.2, 1.25, 1.33, 1.5, 1.7, 1.75, 2, 2.4, 2.5, 3, 4, 5];
const SCALES = [1, 1.25, 1.5, 1.75, 2, 2.25, 2.5, 2.625, 2.75, 3, 3.5, 4];

const calm = matchMedia("(prefers-reduced-motion: reduce)");

let state = null;           // what is drawn of what the server has told,
let stateTime = 0;          // and when that came
let frozenAt = null;        // when (performance.now) the picture was held, while it is,
let frozenDate = null;      // and at what time
const stale = {state: false, cities: false, choice: false, size: false};  // what must be drawn anew
let frame = null;           // the animation frame asked for
let drawnSecond = null;     // the second of the server's uptime at which the lines were drawn

function redraw(what) {
  if (what) stale[what] = true;
  if (frame === null) frame = requestAnimationFrame(draw);
}

function draw() {
  if (frame !== null) cancelAnimationFrame(frame);  // it may be drawn at once, for a printer
  frame = null;
  if (heard === null || frozenAt !== null && state === null) return;
  if (frozenAt === null) {
    state = heard;
    stateTime = heardTime;
  }
  const news = stale.size || stale.state && frozenAt === null;
  const second = Math.floor(state.uptime + age()), passed = second !== drawnSecond;
  drawSlots();
  if (news) drawState();
  if (news || passed) drawWay();
  if (news || passed) drawMinute();
  if (passed || stale.size) drawClocks();
  if (state.temperatures && (stale.cities || stale.choice || stale.size)) drawRanges();
  drawnSecond = second;
  stale.size = false;
  if (frozenAt === null) stale.state = false;
}

// Time passes although the server has nothing to say.
function tick() {
  if (document.hidden) return;
  const silent = performance.now() - lastHeard > PACE.silence;
  if (source && silent) poll();
  if (connection === "live" || connection === "asking") redraw();
}

// Return the moment (performance.now) that is shown.
function moment() {
  return frozenAt !== null ? frozenAt : lostTime !== null ? lostTime : performance.now();
}

// Return the seconds since the state came that is drawn.
function age() {
  return Math.max(0, moment() - stateTime) / 1000;
}

// The same of those in the slots.
function slotsAge() {
  return Math.max(0, moment() - state.slotsTime) / 1000;
}

// ---- To hold the picture, and to point at what is in it ----

function freeze() {
  frozenDate = frozenAt === null ? lostTime === null ? new Date() : lastWord : null;
  frozenAt = frozenAt === null ? moment() : null;
  const frozen = frozenAt !== null;
  main.classList.toggle("frozen", frozen);
  byId("freeze").setAttribute("aria-pressed", frozen);
  setText(byId("freeze"), frozen ? fill(TEXTS.frozen, {time: clockTime(frozenDate)}) : TEXTS.freeze);
  tellConnection();
  if (!frozen) redraw("size");
}

// The space bar does what it does everywhere, where somebody writes or has a button chosen.
function freezeWithSpace(event) {
  if (event.key !== " " || event.repeat || event.target.closest("input, button, a")) return;
  event.preventDefault();
  freeze();
}

// ---- Zoom: the letters go with the size of the window, in which a browser's zoom would change nothing ----

// So they grow by as much as the pixels do. A zoom makes the window smaller inside by as much as it makes
// the pixels larger; on another screen the pixels change, and the window does not.
const zoom = {factor: 1, ratio: 1, width: 0};

function startZoom() {
  zoom.factor = zoomBefore(outerWidth, innerWidth, devicePixelRatio);
  Object.assign(zoom, {ratio: devicePixelRatio, width: innerWidth});
  showZoom();
  addEventListener("resize", () => {
    zoom.factor = zoomAfter(zoom, devicePixelRatio, innerWidth);
    Object.assign(zoom, {ratio: devicePixelRatio, width: innerWidth});
    showZoom();
    redraw("size");
  });
}

// A window that has fewer pixels inside than outside was zoomed before the page came, or has a side bar:
// only a zoom is one of those that browsers have, and leaves a ratio of pixels that systems have.
function zoomBefore(outer, inner, ratio) {
  const near = (one, other) => Math.abs(one / other - 1) < .025;
  const factor = ZOOMS.find((each) => near(outer / inner, each));
  return factor && SCALES.some((scale) => near(ratio / factor, scale)) ? factor : 1;
}

function zoomAfter({factor, ratio, width}, newRatio, newWidth) {
  const times = newRatio / ratio;
  const zoomed = Math.abs(width / newWidth / times - 1) < .1;
  return zoomed ? Math.max(1, Math.round(factor * times * 100) / 100) : factor;
}

function showZoom() {
  setProperty(document.documentElement, "--zoom", String(zoom.factor));
  document.body.classList.toggle("zoomed", zoom.factor > 1.05);
}

// ---- On paper everything is dark on light, also what is painted ----

function forPaper(printed) {
  document.documentElement.classList.toggle("paper", printed);
  stale.size = true;
  draw();
}
