// ---- Words and lists ----

function fill(text, fields) {
  return text.replace(/\{(\w+)\}/g, (_, name) => fields[name]);
}

// Names come from clients: as textContent they are text, whatever is in them.
function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

function setAttribute(element, name, value) {
  if (element.getAttribute(name) !== value) element.setAttribute(name, value);
}

function show(element, shown) {
  if (element.hidden === shown) element.hidden = !shown;
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

// A name written from right to left must not turn the sentence around it (Unicode's FSI, PDI).
function isolate(name) {
  return "\u2068" + name + "\u2069";
}

const number = new Intl.NumberFormat(TEXTS.language).format;

// Temperatures come as text with a point, and are shown as they came but for that.
const comma = new Intl.NumberFormat(TEXTS.language).format(.5)[1];
const local = (temperature) => temperature.replace(".", comma);

// Return a *text* about a city and its range.
function tell(text, {minimum, maximum, ...fields}) {
  return fill(text, {minimum: local(minimum), maximum: local(maximum), ...fields});
}

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
  const {temperatures} = state;
  setText(document.querySelector("title"), fill(TEXTS.title, state));
  setText(byId("service"), fill(TEXTS.service, state));
  setText(byId("machine"), fill(state.gil ? TEXTS.machineGil : TEXTS.machineNoGil,
                                {cores: number(state.cores)}));
  show(byId("get"), state.client.length > 0);
  fillList(byId("files"), state.client, makeFile, (item, url) => drawCommand(item.firstChild, url));
  setText(byId("type"), state.client.length ? TEXTS.thenType : TEXTS.join);
  show(byId("address"), state.page.length > 0);
  setText(byId("address"), fill(TEXTS.address, {url: state.page[0]}));
  fillList(byId("commands"), state.join, (list) => add(list, "li"), drawCommand);
  document.body.classList.toggle("empty", state.totals.accepted === 0);
  drawQueue();
  fillList(byId("totals"), Object.entries(TEXTS.totals), makeTotal, (pair, [name, word]) => {
    setText(pair.firstChild, word);
    setText(pair.lastChild, number(state.totals[name]));
    setAttribute(pair, "id", "total-" + name.replace(" ", "-"));
  });
  byId("total-errors").classList.toggle("some", state.totals.errors > 0);
  drawMistake();
  drawStuck();
  main.classList.toggle("temp", Boolean(temperatures));
  for (const id of ["hottest", "coldest", "latest", "ranges"]) {
    show(byId(id), Boolean(temperatures));
  }
  show(main, true);
  if (!temperatures) return;
  drawExtreme("hottest", temperatures.hottest);
  drawExtreme("coldest", temperatures.coldest);
  drawLatest();
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

function drawQueue() {
  const {waiting, wait} = state;
  setText(byId("waiting"), waiting === null ? "?" : number(waiting));
  setText(byId("waiting-words"), waiting === null ? TEXTS.waitingUnknown : wait === null
    ? TEXTS.waiting : fill(TEXTS.waitingAbout, {seconds: number(Math.ceil(wait))}));
  const dots = "●".repeat(Math.min(waiting || 0, MOST_DOTS));
  byId("queue").classList.toggle("many", waiting > 30);
  setText(byId("queue"), waiting > MOST_DOTS ? dots + "…" : dots);
}

// The latest mistake, which stays long enough to be read, however many come after it.
function drawMistake() {
  const {mistake} = state, now = performance.now();
  const told = JSON.stringify(mistake);
  if (mistake && told !== pinned.mistake && now >= pinned.until) {
    pinned.mistake = told;
    pinned.until = now + PACE.pin;
    setText(byId("mistake-text"), fill(TEXTS.mistake, mistake));
  }
  byId("mistake").classList.toggle("some", Boolean(pinned.mistake));
  byId("mistake").classList.toggle("fresh", now < pinned.until);
}

// Calls of the service that do not come back, in the server's own words.
function drawStuck() {
  const box = byId("stuck"), none = !state.stuck.length;
  setText(box, state.stuck.join(" "));
  if (box.hidden !== none) box.hidden = none;
}

function drawClocks() {
  const seconds = Math.floor(state.uptime + age());
  const pad = (count) => String(count).padStart(2, "0");
  const time = [Math.floor(seconds / 3600), pad(Math.floor(seconds / 60) % 60), pad(seconds % 60)];
  setText(byId("uptime"), fill(TEXTS.up, {time: time.join(":")}));
  setText(byId("clock"), clockTime(lostTime === null ? new Date() : lastWord));
  drawMistake();
  drawStuck();
  if (state.temperatures) drawLatest();
}

// Count the readings that have come, also those that are out of the list again.
function countFresh(latest) {
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
  if (recent.fresh || !byId("readings").children.length || stale.size) {
    fillList(byId("readings"), state.temperatures.latest, makeReading, drawReading);
    recent.due = now + PACE.list;
  }
  const rows = Array.from(byId("readings").children);
  const inSight = rows.filter((row) => row.offsetLeft === rows[0].offsetLeft).length;
  const more = recent.fresh - inSight;
  setText(byId("more"), more > 0 ? fill(TEXTS.more, {count: number(more)}) : "");
  recent.fresh = 0;
}

function drawReading(item, reading) {
  const [time, city, range] = item.children;
  setText(time, reading.time);
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
  add(item, "time");
  add(item, "span", "city cut").dir = "auto";
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

// ---- Slots ----

function drawSlots() {
  const {slots, max_threads: limit} = state;
  const used = number(slots.filter(Boolean).length);
  setText(byId("slots-used"), limit ? fill(TEXTS.slotsUsed, {used, slots: number(limit)})
                                    : fill(TEXTS.slotsUnlimited, {used}));
  show(byId("slots-more"), slots.length > MOST_BOXES);
  setText(byId("slots-more"), fill(TEXTS.slotsMore, {count: number(slots.length - MOST_BOXES)}));
  const boxes = slots.slice(0, MOST_BOXES);
  if (!limit && boxes.length < MOST_BOXES) boxes.push(null);  // there is always one more
  sizeBoxes(boxes.length, !limit);
  fillList(byId("boxes"), boxes, makeSlot, drawSlot);
}

// Columns and letters for so many boxes; without a limit the number changes all the time, and the
// size of the boxes should not.
function sizeBoxes(count, unlimited) {
  const [most, size, columns] = SIZES.find(([limit]) => count <= limit);
  if (main.dataset.size !== size) stale.size = true;
  setAttribute(main, "data-size", size);
  const full = unlimited && count > 4 ? most : count, rows = Math.ceil(full / columns);
  const across = String(Number.isFinite(full) ? Math.ceil(full / rows) : columns);
  const style = byId("boxes").style;
  if (style.getPropertyValue("--columns") !== across) style.setProperty("--columns", across);
}

function makeSlot(list) {
  const item = add(list, "li", "slot");
  add(item, "span", "word");
  add(item, "span", "number");
  add(add(item, "span", "client cut"), "bdi").dir = "ltr";
  add(item, "span", "seconds");
}

function drawSlot(item, slot, index) {
  const [word, place, client, seconds] = item.children;
  const kind = slot ? "slot busy " + slot.doing.replace(/ /g, "-") : "slot";
  if (item.className !== kind) item.className = kind;
  const whole = (time) => number(Math.floor(time + age()));
  const text = slot ? fill(TEXTS.doing[slot.doing], {seconds: whole(slot.since)}) : TEXTS.free;
  if (word.textContent !== text || stale.size) setWord(word, text);
  setText(place, state.max_threads ? String(index + 1) : "");
  setText(client.firstChild, slot ? slot.client : "");
  const worked = slot && slot.doing !== "silent" && slot.seconds + age() >= 1;
  setText(seconds, worked ? fill(TEXTS.seconds, {seconds: whole(slot.seconds)}) : "");
}

// The letters of a word are as large as the width of the slot allows; few slots have two lines.
function setWord(element, text) {
  element.textContent = text;
  const parts = main.dataset.size === "huge" ? text.split(" ") : [text];
  const width = Math.max(2, ...parts.map(widthOf)).toFixed(1);
  if (element.width !== width) element.style.setProperty("--width", width);
  element.width = width;
}

const ruler = document.createElement("canvas").getContext("2d");

// Return how wide a text in bold letters is, for each unit of their size.
function widthOf(text) {
  ruler.font = "bold 100px system-ui, sans-serif";
  return ruler.measureText(text.replace(/\d/g, "0")).width / 100;
}
