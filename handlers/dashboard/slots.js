// ---- The slots: a box for each, with a word ----

const MOST_BOXES = 400;   // slots drawn; of more, only the number is told

// How slots are drawn: so many at most, the size of their letters, columns.
const SIZES = [[6, "huge", 6], [12, "large", 6], [40, "medium", 10], [100, "small", 20],
               [Infinity, "tiny", 40]];

function drawSlots() {
  const {slots, max_threads: limit} = state;
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
  setProperty(byId("boxes"), "--columns", across);
  setProperty(main, "--rows", String(Number.isFinite(rows) ? rows : 1));
}

function makeSlot(list) {
  const item = add(list, "li", "slot");
  add(item, "span", "word");
  add(item, "span", "number");
  addName(add(item, "span", "client cut"), "bdi").dir = "ltr";
  add(item, "span", "seconds");
}

function drawSlot(item, slot, index) {
  const [word, place, client, seconds] = item.children;
  setClass(item, slot ? "slot busy " + slot.doing.replace(/ /g, "-") : "slot");
  const whole = (time) => number(Math.floor(time + slotsAge()));
  const text = slot ? fill(TEXTS.doing[slot.doing], {seconds: whole(slot.since)}) : TEXTS.free;
  if (word.textContent !== text || stale.size) setWord(word, text);
  setText(place, state.max_threads ? String(index + 1) : "");
  setText(client.firstChild, slot ? who(slot) : "");
  setClass(client, slot && slot.name ? "client cut named" : "client cut");
  const worked = slot && slot.doing !== "silent" && slot.seconds + slotsAge() >= 1;
  setText(seconds, worked ? fill(TEXTS.seconds, {seconds: whole(slot.seconds)}) : "");
}

// The letters of a word are as large as the width of the slot allows.
function setWord(element, text) {
  element.textContent = text;
  const width = Math.max(2, widthOf(text)).toFixed(1);
  if (element.width !== width) element.style.setProperty("--width", width);
  element.width = width;
}

const ruler = document.createElement("canvas").getContext("2d");

// Return how wide a text in bold letters is, for each unit of their size.
function widthOf(text) {
  ruler.font = "bold 100px system-ui, sans-serif";
  return ruler.measureText(text.replace(/\d/g, "0")).width / 100;
}
