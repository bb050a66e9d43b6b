// ---- The last minute: replies a second, and who waits; behind them the last crowd, to compare ----

const MOST_CROWDS = 3;      // that stay in the table: the latest with each number of threads

const crowds = [];          // that are over, the latest first, also of servers before this one

function drawMinute() {
  const ghost = ghostNow();
  const replies = upToNow(state.messages), waits = upToNow(state.queue).map((count) => count || 0);
  setText(byId("rate"), fill(TEXTS.rate, {count: number(replies[replies.length - 1])}));
  setText(byId("waits-most"), fill(TEXTS.atMost, {count: number(Math.max(...waits))}));
  show(byId("waits"), state.waiting !== null);
  drawChart(byId("replies-plot"), replies, ghost && {...ghost, counts: ghost.replies}, "busy", TEXTS.repliesPicture);
  if (state.waiting !== null) {
    drawChart(byId("waits-plot"), waits, ghost && {...ghost, counts: ghost.waits}, "queue", TEXTS.waitsPicture);
  }
  drawCrowds();
}

// Return *counts*, of each of the last 60 seconds, as they are now, without the second under way.
// The server tells of them when there is something new, so since its second there was nothing.
function upToNow(counts) {
  const passed = Math.floor(state.uptime + age()) - state.second;
  return counts.concat(new Array(Math.max(0, Math.min(passed, 60))).fill(0)).slice(-60, -1);
}

// ---- Crowds ----

// Keep a crowd that is over, with its lines, for as long as the page is open: the next one may meet a
// server that was started again with more threads.
function takeCrowd({crowd, max_threads: threads, messages, queue, second}) {
  const told = JSON.stringify([crowd, threads]);
  if (crowds.some((known) => known.told === told)) return;
  const first = 59 - (second - Math.floor(crowd.began)), last = first + Math.ceil(crowd.seconds) + 1;
  const line = (counts) => first < 0 ? [] : counts.slice(first, last + 1).map((count) => count || 0);
  crowds.unshift({...crowd, told, threads, replies: line(messages), waits: line(queue)});
  const known = new Set();
  for (const old of crowds.splice(0)) {
    if (crowds.length < 2 || !known.has(old.threads) && known.size < MOST_CROWDS) crowds.push(old);
    known.add(old.threads);
  }
}

// Return the crowd to compare with the one in sight, and how far back that began; null if there is none.
function ghostNow() {
  const running = state.crowd_began !== null;
  if (!running && !state.crowd) return null;
  const ghost = crowds[running ? 0 : 1];
  const ago = Math.floor(state.uptime + age()) - Math.floor(running ? state.crowd_began : state.crowd.began);
  return ghost && ago <= 59 ? {...ghost, ago} : null;
}

function withThreads(threads) {
  if (!threads) return TEXTS.ghostUnlimited;
  return threads === 1 ? TEXTS.ghostOne : fill(TEXTS.ghostMany, {threads: number(threads)});
}

// The latest crowd with each number of threads, the fewest first.
function drawCrowds() {
  const shown = crowds.filter((crowd, index) => crowds.findIndex(({threads}) => threads === crowd.threads) === index);
  shown.sort((one, other) => (one.threads || Infinity) - (other.threads || Infinity));
  show(byId("crowds"), shown.length > 0);
  main.classList.toggle("crowded", shown.length > 0);
  fillList(byId("crowd-rows"), shown, makeCrowd, (row, crowd) => {
    const [threads, clients, all, half] = row.children;
    setClass(row, crowd === crowds[0] ? "fresh" : "");
    setText(threads, crowd.threads ? number(crowd.threads) : TEXTS.noLimit);
    setText(clients, number(crowd.clients));
    setText(all, inSeconds(crowd.seconds));
    setText(half, crowd.median === null ? "?" : inSeconds(crowd.median));
  });
}

function inSeconds(seconds) {
  return fill(TEXTS.seconds, {seconds: seconds < 100 ? tenths(seconds) : number(Math.round(seconds))});
}

function makeCrowd(list) {
  const row = add(list, "tr");
  add(row, "th").scope = "row";
  for (let column = 0; column < 3; column++) add(row, "td");
}

// ---- The charts, each with its own scale ----

function drawChart(canvas, counts, ghost, color, text) {
  const now = counts[counts.length - 1], most = Math.max(...counts);
  describe(canvas, text, {count: number(now), most: number(most)});
  const drawn = JSON.stringify([counts, ghost]);
  if (canvas.drawn === drawn && !stale.size) return;
  canvas.drawn = drawn;
  const paper = prepare(canvas);
  const axes = drawAxes(paper, Math.max(most, ...(ghost ? ghost.counts : [])));
  if (ghost) drawGhost(paper, axes, ghost);
  drawLine(paper, axes, counts, color);
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

function drawLine({pen, em, color}, {x, y}, counts, name) {
  color(name);
  pen.lineWidth = .15 * em;
  pen.lineJoin = "round";
  pen.beginPath();
  counts.forEach((count, index) => pen.lineTo(x(index), y(count)));
  pen.stroke();
  pen.beginPath();
  pen.arc(x(counts.length - 1), y(counts[counts.length - 1]), .25 * em, 0, 2 * Math.PI);
  pen.fill();
}

// The last crowd, dashed, as if it had begun with the one in sight; with its threads where it is highest.
function drawGhost({pen, width, em, color, font, write}, {x, y}, {counts, ago, threads}) {
  const seen = counts.slice(0, ago).map((count, index) => ({count, at: 59 - ago + index}));
  if (!seen.length) return;
  color("quiet");
  pen.lineWidth = .12 * em;
  pen.setLineDash([.45 * em, .35 * em]);
  pen.beginPath();
  for (const {count, at} of seen) pen.lineTo(x(at), y(count));
  pen.stroke();
  pen.setLineDash([]);
  const top = seen.reduce((most, each) => each.count > most.count ? each : most);
  font(.85 * em, "bold");
  const text = withThreads(threads), room = pen.measureText(text).width;
  const before = x(top.at) - .4 * em - room > 2 * em || x(top.at) + room > width;
  const high = Math.min(Math.max(y(top.count), .6 * em) + .5 * em, y(0) - .7 * em);
  write(text, x(top.at) + (before ? -.4 : .4) * em, high, before ? "right" : "left");
}
