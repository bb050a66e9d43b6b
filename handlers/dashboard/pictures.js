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
  if (canvas.describedAt && now - canvas.describedAt < PACE.describe) return;
  canvas.describedAt = now;
  setAttribute(canvas, "aria-label", fill(text, fields));
}

// Return *counts*, of each of the last 60 seconds, as they are now, without the second under way.
// The server tells of them when there is something new, so since then there was nothing.
function upToNow(counts) {
  const passed = Math.floor(state.uptime + age()) - countedSecond;
  return counts.concat(new Array(Math.max(0, Math.min(passed, 60))).fill(0)).slice(-60, -1);
}

function drawMessages() {
  const counts = upToNow(state.messages), queue = upToNow(state.queue);
  const now = counts[counts.length - 1], most = Math.max(...counts);
  const waiting = queue[queue.length - 1], mostWaiting = Math.max(...queue);
  setText(byId("rate"), fill(TEXTS.rate, {count: number(now)}));
  const canvas = byId("messages-plot");
  describe(canvas, TEXTS.messagesPicture,
           {count: number(now), most: number(most), waiting: number(waiting || 0),
            mostWaiting: number(mostWaiting)});
  const drawn = JSON.stringify([counts, queue]);
  if (canvas.drawn === drawn && !stale.size) return;
  canvas.drawn = drawn;
  const paper = prepare(canvas);
  const axes = drawAxes(paper, Math.max(most, mostWaiting));
  if (mostWaiting) drawLine(paper, axes, queue, "queue", TEXTS.waitingLine);
  drawLine(paper, axes, counts, "busy", "");
}

// Draw the scales of the last minute; return the functions x and y that tell where something is.
function drawAxes({pen, width, height, em, color, font, write}, most) {
  const marks = ticks(0, most, Math.max(1, height / (2.2 * em)));
  font(.9 * em);
  const left = Math.max(...marks.map((mark) => pen.measureText(number(mark)).width)) + .5 * em;
  const right = width - .5 * em, top = .6 * em, bottom = height - 1.4 * em;
  const x = (index) => left + (right - left) * index / 58;
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
  return {x, y};
}

// Draw one line over the last minute; with a *label* it is dashed, and has that where it is highest.
function drawLine({pen, em, color, font, write}, {x, y}, counts, name, label) {
  color(name);
  pen.lineWidth = .15 * em;
  pen.lineJoin = "round";
  pen.setLineDash(label ? [.5 * em, .35 * em] : []);
  pen.beginPath();
  counts.forEach((count, index) => pen.lineTo(x(index), y(count || 0)));
  pen.stroke();
  pen.setLineDash([]);
  if (label) {
    const most = Math.max(...counts), index = counts.lastIndexOf(most);
    font(.9 * em, "bold");
    const above = y(most) - .8 * em, height = above > .4 * em ? above : y(most) + .9 * em;
    return write(label, x(index) - .4 * em, height, index > 10 ? "right" : "left");
  }
  pen.beginPath();
  pen.arc(x(counts.length - 1), y(counts[counts.length - 1]), .25 * em, 0, 2 * Math.PI);
  pen.fill();
}

// ---- The ranges of all cities ----

function drawRanges() {
  stale.cities = false;
  ranking = Array.from(cities.values()).sort((a, b) => b.high - a.high || b.low - a.low);
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

start();
