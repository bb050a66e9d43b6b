// ---- Mistakes: a row for each of the latest kinds, with how many there were and what to do ----

// Rows, and rows beside the last crowds, which take some of the room.
const MOST_ROWS = 3;
const MOST_BESIDE = 2;


const mistakeRows = [];     // of each row: {key, told, changed}; a kind keeps its row for as long as it can
let announcedAt = -Infinity;

// What mistakes of a kind have in common is the beginning, without what stands in quotes and numbers (as in
// engine/kinds.py).
function kindOf(reply) {
  const own = /'.*'|\d+/g, beginning = reply.split(": ")[0];
  return beginning.split("'").length % 2 ? beginning.replace(own, "") : reply.replace(own, "").split(": ")[0];
}

function drawMistakes() {
  const {kinds, latest} = state.mistakes;
  const placed = placeMistakes(latest.slice(0, crowds.length ? MOST_BESIDE : MOST_ROWS));
  show(byId("mistakes"), placed.length > 0);
  show(byId("no-mistake"), placed.length === 0);
  fillList(byId("mistakes").tBodies[0], placed, makeMistake, drawMistake);
  setText(byId("more-kinds"), kinds > placed.length ? fill(TEXTS.moreKinds, {count: number(kinds - placed.length)}) : "");
  byId("total-errors").classList.toggle("some", state.totals.errors > 0);
}

// Return the mistakes in their rows: the latest kinds, each where it was, so that it can be read.
function placeMistakes(latest) {
  const byKind = new Map(latest.map((mistake) => [kindOf(mistake.reply), mistake]));
  const kept = mistakeRows.filter(({key}) => byKind.has(key)).length;
  const fresh = Array.from(byKind.keys()).filter((key) => !mistakeRows.some((row) => row.key === key));
  while (mistakeRows.length > byKind.size) {
    mistakeRows.splice(mistakeRows.findIndex(({key}) => !byKind.has(key)), 1);
  }
  if (kept < byKind.size) {
    for (const key of fresh) {
      const gone = mistakeRows.find((row) => !byKind.has(row.key));
      if (gone) Object.assign(gone, {key, told: null});
      else mistakeRows.push({key, told: null, changed: -Infinity});
    }
  }
  return mistakeRows.map((row) => {
    const mistake = byKind.get(row.key), told = mistake.count + mistake.time + mistake.client;
    if (row.told !== told) {
      if (row.told === null) announce(mistake);
      Object.assign(row, {told, changed: moment()});
    }
    return mistake;
  });
}

// A new kind is read out, but not one after the other without end.
function announce({count, reply}) {
  const now = performance.now();
  if (now - announcedAt < PACE.announce) return;
  announcedAt = now;
  setText(byId("announced-mistake"), fill(TEXTS.announceMistake, {count: number(count), reply: sentence(reply)}));
}

const sentence = (reply) => reply.replace(/^ERR /, "");

function makeMistake(list) {
  const row = add(list, "tr");
  add(row, "td", "times");
  const told = add(row, "td", "reply");
  add(told, "bdi");
  told.append(" ");
  const whom = add(told, "span", "whom");
  addName(whom, "bdi");
  whom.append(" ");
  add(whom, "time");
}

function drawMistake(row, mistake, index) {
  const [times, told] = row.children, [reply, whom] = told.children;
  setText(times, fill(TEXTS.times, {count: compact(mistake.count)}));
  setText(reply, sentence(mistake.reply));
  setText(whom.firstElementChild, who(mistake));
  setText(whom.lastElementChild, mistake.time);
  setAttribute(told, "title", `${mistake.reply} (${mistake.client})`);
  setClass(row, moment() - mistakeRows[index].changed < PACE.fresh ? "fresh" : "");
}
