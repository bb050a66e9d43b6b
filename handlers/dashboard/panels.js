// ---- Words and lists ----

const MOST_BOXES = 300;   // slots drawn; of more, only the number is told
const MOST_DOTS = 128;    // waiting clients drawn as dots
const PINNED = 10000;     // milliseconds for which the latest mistake is not replaced
const SETTLED = 1000;     // milliseconds for which the list of readings is not changed

// What each client makes the server do: its text in full, its text where room is scarce, its look.
const DOING = {
  "in work": ["working", "briefWorking", "working"],
  "silent": ["silent", "briefSilent", "silent"],
  "half a message": ["half", "briefHalf", "half"],
  "not reading": ["notReading", "briefNotReading", "unread"],
  "leaving": ["leaving", "briefLeaving", "leaving"],
};
const FREE = ["free", "briefFree", "free"];

let mostSlots = 0;                       // slots seen at a time, where there is no limit
let pinned = {since: -PINNED, text: ""};  // the mistake that is shown
let listed = {since: -SETTLED, latest: []};  // the readings that are shown

function fill(text, fields) {
  return text.replace(/\{(\w+)\}/g, (_, name) => fields[name]);
}

const number = new Intl.NumberFormat(TEXTS.language).format;

// Temperatures come as text with a point, and are shown as they came but for that.
const comma = new Intl.NumberFormat(TEXTS.language).format(.5)[1];
const degrees = (text) => text.replace(".", comma);

function timeOf(date) {
  return date.toLocaleTimeString(TEXTS.language, {hourCycle: "h23"});
}

function duration(seconds) {
  const [hours, minutes] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60];
  const two = (count) => String(count).padStart(2, "0");
  return `${hours}:${two(minutes)}:${two(Math.floor(seconds) % 60)}`;
}

// Names come from clients: as textContent they are text, whatever is in them.
function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

function toggle(element, name, on) {
  if (element.classList.contains(name) !== on) element.classList.toggle(name, on);
}

// Have a text of one line fill its place, from *most* down to *least* rem; at *least* it may wrap.
// Measured again only when its length, or that of its place, changes: digits are equally wide.
function fit(element, most, least) {
  const mark = `${element.textContent.length} ${element.clientWidth} ${most} ${fontSize()}`;
  if (element.fitted === mark) return;
  element.fitted = mark;
  element.style.fontSize = most + "rem";
  toggle(element, "long", false);
  const size = most * Math.min(1, element.clientWidth / element.scrollWidth);
  element.style.fontSize = Math.max(size, least) + "rem";
  toggle(element, "long", size < least);
}

function fontSize() {
  return getComputedStyle(document.documentElement).fontSize;
}

// A name written from right to left must not turn the sentence around it (Unicode's FSI, PDI).
function isolate(name) {
  return "\u2068" + name + "\u2069";
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

// ---- The header, the clients, the hottest and the coldest ----

function drawState() {
  const {temperatures, totals} = state;
  main.hidden = false;
  document.title = fill(TEXTS.title, state);
  setText(byId("service"), fill(TEXTS.service, state));
  const machine = state.gil ? TEXTS.machineWithGil : TEXTS.machineWithoutGil;
  setText(byId("machine"), fill(machine, {cores: number(state.cores)}));
  drawJoin(!totals.accepted);
  drawWaiting();
  drawTotals(totals);
  drawMistake();
  toggle(main, "temp", Boolean(temperatures));
  for (const id of ["hottest", "coldest", "latest", "ranges"]) byId(id).hidden = !temperatures;
  if (!temperatures) return;
  drawExtreme("hottest", temperatures.hottest);
  drawExtreme("coldest", temperatures.coldest);
}

// What to type stands large until somebody has come.
function drawJoin(nobodyCame) {
  const id = nobodyCame ? "welcome" : "join";
  byId("welcome").hidden = !nobodyCame;
  byId("join").hidden = nobodyCame;
  toggle(main, "empty", nobodyCame);
  fillList(byId(id + "-commands"), state.join, (list) => add(list, "code"), setText);
}

function drawWaiting() {
  const {waiting, wait} = state;
  setText(byId("waiting"), waiting === null ? "?" : number(waiting));
  const about = waiting && wait !== null;
  const text = waiting === null ? TEXTS.waitingUnknown : about ? TEXTS.waitingAbout : TEXTS.waiting;
  setText(byId("waiting-words"), fill(text, {seconds: number(Math.max(1, Math.round(wait)))}));
  const [first, second, more] = byId("queue").children, row = MOST_DOTS / 2;
  setDots(first, Math.min(waiting || 0, row));
  setDots(second, Math.max(0, Math.min(waiting || 0, MOST_DOTS) - row));
  more.hidden = !(waiting > MOST_DOTS);
}

function setDots(element, count) {
  if (element.count !== count) element.style.setProperty("--dots", element.count = count);
}

function drawTotals(totals) {
  setText(byId("total-served"), number(totals.served));
  setText(byId("total-messages"), number(totals.messages));
  setText(byId("total-errors"), number(totals.errors));
  toggle(byId("errors"), "some", totals.errors > 0);
  setText(byId("total-others"), fill(TEXTS.others, {
    refused: number(totals.refused), timedOut: number(totals["timed out"]),
    gone: number(totals.gone), failed: number(totals.failed)}));
}

// The latest mistake stays for ten seconds, so that it can be read.
function drawMistake() {
  const text = state.mistake ? fill(TEXTS.mistake, state.mistake) : "";
  const now = performance.now();
  if (text === pinned.text || now - pinned.since < PINNED) return;
  pinned = {since: now, text};
  setText(byId("mistake"), text);
  byId("mistake").title = text;
}

function drawExtreme(id, extreme) {
  const panel = byId(id), name = byId(id + "-city"), temperature = byId(id + "-temperature");
  const before = name.textContent, many = main.classList.contains("many");
  setText(temperature, extreme ? fill(TEXTS.degrees, {degrees: degrees(extreme.temperature)}) : "–");
  setText(name, extreme ? extreme.city : TEXTS.noCity);
  name.title = name.textContent;
  fit(temperature, many ? 2.8 : 3.2, 1.4);
  fit(name, many ? 1.8 : 2.1, 1.05);
  // A frame that fades; one a second at most: quick flashes can be dangerous (WCAG 2.1, 2.3.1).
  const changed = before && before !== name.textContent && before !== TEXTS.noCity;
  if (changed && !calm.matches && !panel.getAnimations().length) {
    panel.animate({outlineColor: ["currentcolor", "transparent"]}, 1500);
  }
}

// ---- The latest readings: they change once a second at most ----

function drawLatest() {
  const now = performance.now();
  if (!state.temperatures || now - listed.since < SETTLED) return;
  const {latest} = state.temperatures;
  if (!newOnes(latest) && latest.length === listed.latest.length) return;
  listed = {since: now, latest};
  fillList(byId("readings"), latest, makeReading, (item, reading) => {
    const [time, city, range] = item.children;
    setText(time, reading.time);
    setText(city, reading.city);
    setText(range, fill(TEXTS.range, {minimum: degrees(reading.minimum),
                                      maximum: degrees(reading.maximum)}));
  });
  showLater();
}

// Tell how many readings have come that are not in the list yet.
function showLater() {
  const later = state.temperatures ? newOnes(state.temperatures.latest) : 0;
  byId("later").hidden = !later;
  setText(byId("later"), fill(TEXTS.latestMore, {count: number(later)}));
}

function newOnes(latest) {
  const newest = JSON.stringify(listed.latest[0] || null);
  const place = latest.findIndex((reading) => JSON.stringify(reading) === newest);
  return place < 0 ? latest.length : place;
}

function makeReading(list) {
  const item = add(list, "li");
  add(item, "time");
  add(item, "span", "city cut").dir = "auto";
  add(item, "span", "range cut");
}

// ---- Slots ----

function drawSlots() {
  const {slots, max_threads: limit} = state;
  const used = number(slots.filter(Boolean).length);
  setText(byId("slots-used"), limit ? fill(TEXTS.slotsUsed, {used, slots: number(limit)})
                                    : fill(TEXTS.slotsUnlimited, {used}));
  byId("slots-more").hidden = slots.length <= MOST_BOXES;
  setText(byId("slots-more"), fill(TEXTS.slotsMore, {count: number(slots.length - MOST_BOXES)}));
  // With no limit the number changes all the time; the boxes become smaller, but not larger again.
  mostSlots = Math.max(mostSlots, slots.length);
  const count = limit || mostSlots;
  const size = boxSize(count);
  if (main.dataset.size !== size) main.dataset.size = size;
  toggle(main, "many", count > 8 || count <= 4);  // these leave less room for the rest
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
  add(item, "span", "word");
  add(add(item, "span", "client cut"), "bdi").dir = "ltr";
}

function drawSlot(item, slot, index) {
  const [word, client] = item.children, size = main.dataset.size;
  const [text, brief, look] = slot ? DOING[slot.doing] || DOING["in work"] : FREE;
  const roomy = size === "huge" || size === "large";
  const seconds = slot && number(Math.floor(slot.since + age()));
  if (item.look !== look) item.className = "slot " + look;
  item.look = look;
  setText(word, fill(TEXTS[roomy ? text : brief], {seconds}));
  const place = state.max_threads ? String(index + 1) : "";
  const whole = slot ? fill(TEXTS.since, {client: slot.client,
                                          seconds: number(Math.floor(slot.seconds + age()))}) : place;
  setText(client.firstChild, roomy || !slot ? whole : slot.client);
  if (size === "huge") fit(word, 3, 1.2);
  else if (size === "large") fit(word, 1.7, 1);
  else if (word.style.fontSize) word.style.fontSize = word.fitted = "";
}
