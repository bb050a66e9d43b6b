// ---- The ranges of all cities ----

let ranking = [];           // the cities that are drawn, highest maximum first
let chosen = null;          // the name of the city that was pointed at or found
const rows = {top: 0, height: 1};  // where the picture has its first city, and the next

// While the picture is held one may point at its cities and search among them: they stay as they were.
function drawRanges() {
  stale.choice = false;
  if (frozenAt === null && stale.cities) {
    stale.cities = false;
    ranking = Array.from(cities.values()).sort((a, b) => b.high - a.high || b.low - a.low);
  }
  const count = number(ranking.length);
  setText(byId("ranges-title"), fill(TEXTS.ranges, {count}));
  const canvas = byId("ranges-plot");
  if (canvas.cities !== ranking.length) {
    canvas.cities = ranking.length;
    canvas.parentElement.style.setProperty("--cities", ranking.length);
  }
  const paper = prepare(canvas);
  const {width, height, em} = paper;
  rows.top = 1.5 * em;
  rows.height = Math.min(3.4 * em, (height - rows.top - .5 * em) / ranking.length);
  drawFound();
  if (!ranking.length) return setAttribute(canvas, "aria-label", TEXTS.noReadings);
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
    write(shorten(pen, tell(TEXTS.shortRange, range), room), 0, middle(index) + .6 * em, "left");
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

// ---- To find a city among them ----

// Return *text* without accents and capitals, so that "sao" finds "São Paulo".
function plain(text) {
  return text.normalize("NFD").replace(/\p{M}/gu, "").toLowerCase();
}

function find(text) {
  const sought = plain(text.trim());
  if (!sought) return null;
  const found = ranking.find(({city}) => plain(city) === sought)
    || ranking.find(({city}) => plain(city).startsWith(sought))
    || ranking.find(({city}) => plain(city).includes(sought));
  return found ? found.city : null;
}

function choose(city) {
  chosen = city;
  redraw("choice");
}

// Say what was found; not what becomes of it later, with every reading.
function seek(city) {
  choose(city);
  setText(byId("announced"), foundText(byId("find").value.trim()));
}

function drawFound() {
  setText(byId("found"), foundText(byId("find").value.trim()));
}

function foundText(sought) {
  const count = number(ranking.length), together = citiesPerLine();
  const index = ranking.findIndex(({city}) => city === chosen);
  if (!ranking.length) return TEXTS.noReadings;
  if (index >= 0) {
    const city = isolate(chosen), rank = number(index + 1);
    return tell(TEXTS.found, {...ranking[index], city, rank, count});
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
  const {city} = ranking[Math.max(0, Math.min(ranking.length - 1, index))];
  byId("find").value = city;
  seek(city);
}

function point(event) {
  const city = ranking[Math.floor((event.offsetY - rows.top) / rows.height)];
  choose(city ? city.city : null);
}

function startSearch() {
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
}
