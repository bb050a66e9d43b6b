// ---- The panels: how to join, the clock, totals, the hottest and the coldest city, the latest readings ----

const LEAST_FIT = .5;       // to how much of its size a name may shrink, before it takes two lines

// The totals in large figures; the others stand in the last line.
const LARGE = ["served", "messages", "errors"];

const recent = {seen: null, fresh: 0, due: 0};  // the readings: known ones, new ones, next change

function drawState() {
  const {temperatures} = state;
  setText(byId("service"), fill(TEXTS.service, state));
  drawJoin();
  const first = state.totals.accepted === 0;
  document.body.classList.toggle("empty", first);
  drawTotals();
  drawMistakes();
  main.classList.toggle("temp", Boolean(temperatures));
  for (const id of ["readings-side", "hottest", "coldest", "latest", "ranges"]) {
    show(byId(id), Boolean(temperatures));
  }
  show(main, true);
  if (!temperatures) return;
  drawExtreme("hottest", temperatures.hottest);
  drawExtreme("coldest", temperatures.coldest);
  drawLatest();
}

function drawJoin() {
  show(byId("get"), state.client.length > 0);
  fillList(byId("files"), state.client, makeFile, (item, url) => drawCommand(item.firstChild, url));
  setText(byId("type"), state.client.length ? TEXTS.thenType : TEXTS.join);
  show(byId("address"), state.page.length > 0);
  setText(byId("address"), fill(TEXTS.address, {url: state.page[0]}));
  fillList(byId("commands"), state.join, (list) => add(list, "li"), drawCommand);
}

// Whatever address others are told, the viewer gets the file from where the page came from.
function makeFile(list) {
  add(add(list, "li"), "a").href = "client.pyz";
}

function drawCommand(item, command) {
  setText(item, command);
  if (item.letters !== command.length) item.style.setProperty("--letters", command.length);
  item.letters = command.length;
}

function drawTotals() {
  fillList(byId("totals"), LARGE, makeTotal, (pair, name) => {
    setText(pair.firstChild, TEXTS.totals[name]);
    setText(pair.lastChild, number(state.totals[name]));
    setAttribute(pair, "id", "total-" + name);
  });
  const others = Object.keys(TEXTS.totals).filter((name) => !LARGE.includes(name));
  const machine = fill(state.gil ? TEXTS.machineGil : TEXTS.machineNoGil, {cores: number(state.cores)});
  fillList(byId("more-totals"), [...others, null], (list) => add(list, "span"), (item, name) => {
    setText(item, name ? `${number(state.totals[name])} ${TEXTS.totals[name]}` : machine);
    setAttribute(item, "id", name ? "total-" + name.replace(" ", "-") : "machine");
  });
}

function drawClocks() {
  const seconds = Math.floor(state.uptime + age());
  const pad = (count) => String(count).padStart(2, "0");
  const time = [Math.floor(seconds / 3600), pad(Math.floor(seconds / 60) % 60), pad(seconds % 60)];
  setText(byId("uptime"), fill(TEXTS.up, {time: time.join(":")}));
  const date = frozenDate || (lostTime === null ? new Date() : lastWord);
  setText(byId("clock"), clockTime(date));
  drawMistakes();
  if (state.temperatures) drawLatest();
}

// Count the readings that have come, also those that are out of the list again.
function countFresh(latest, first) {
  if (!latest) return;
  if (first) Object.assign(recent, {seen: null, fresh: 0, due: 0, anew: true});
  const names = latest.map((reading) => JSON.stringify(reading));
  if (recent.seen) {
    const known = names.indexOf(recent.seen);
    recent.fresh += known < 0 ? names.length : known;
  }
  recent.seen = names[0];
}

// The list changes at most once a second, so that it can be read.
function drawLatest() {
  const now = performance.now();
  if (now < recent.due && !stale.size) return;
  if (recent.fresh || recent.anew || !byId("readings").children.length || stale.size) {
    fillList(byId("readings"), state.temperatures.latest, makeReading, drawReading);
    recent.due = now + PACE.list;
    recent.anew = false;
  }
  const rows = Array.from(byId("readings").children);
  const inSight = rows.filter((row) => row.offsetLeft === rows[0].offsetLeft).length;
  const more = recent.fresh - inSight;
  setText(byId("more"), more > 0 ? fill(TEXTS.more, {count: number(more)}) : "");
  recent.fresh = 0;
}

function drawReading(item, reading) {
  const [time, city, range] = item.children;
  setText(time, reading.name ? who(reading) : reading.time);
  setClass(time, reading.name ? "cut named" : "cut");
  setText(city, reading.city);
  setText(range, tell(TEXTS.range, reading));
}

function makeTotal(list) {
  const pair = add(list, "div");
  add(pair, "dt");
  add(pair, "dd");
}

function makeReading(list) {
  const item = add(list, "li");
  add(item, "time", "cut");
  addName(item, "span", "city cut").dir = "auto";
  add(item, "span", "range cut");
}

function drawExtreme(id, extreme) {
  const panel = byId(id), name = byId(id + "-city");
  const first = !name.textContent || name.textContent === TEXTS.noCity;
  const degrees = extreme ? fill(TEXTS.degrees, {degrees: local(extreme.temperature)}) : "–";
  setLargeText(byId(id + "-temperature"), degrees);
  const changed = setLargeText(name, extreme ? extreme.city : TEXTS.noCity);
  // A frame that fades; one a second at most: quick flashes can be dangerous (WCAG 2.1, 2.3.1).
  if (changed && !first && !calm.matches && !panel.getAnimations().length) {
    panel.animate({outlineColor: ["currentcolor", "transparent"]}, 1500);
  }
}

// Set a text in letters as large as there is room for; tell whether it is a new one.
function setLargeText(element, text) {
  const changed = element.textContent !== text;
  if (!changed && !stale.size) return false;  // to measure takes time
  element.textContent = element.title = text;
  element.classList.remove("long");
  element.style.fontSize = "";
  const share = element.clientWidth / element.scrollWidth;
  if (share < LEAST_FIT) element.classList.add("long");
  else if (share < 1) {
    const size = parseFloat(getComputedStyle(element).fontSize);
    element.style.fontSize = Math.floor(size * share * .98) + "px";
  }
  return changed;
}
