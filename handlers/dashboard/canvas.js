// ---- To draw on a canvas ----

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

// Return *text*, or as much of its beginning as fits in *room* pixels, with an ellipsis.
function shorten(pen, text, room) {
  if (pen.measureText(text).width <= room) return text;
  const letters = Array.from(text);
  while (letters.length && pen.measureText(letters.join("") + "…").width > room) letters.pop();
  return letters.join("") + "…";
}
