// ---- The connection: what the server sends, and what is shown while it sends nothing ----

// Milliseconds between things.
const PACE = {
  retry: 2000,     // until another attempt to reach the server
  silence: 4000,   // without a word until the server is asked; it says something every 2 s
  answer: 1500,    // until the answer must be there, or the server counts as lost
  all: 30000,      // until the whole state must be there, of a server that has answered
  poll: 2000,      // between two questions where the stream does not come through
  polls: 15,       // how many questions until the stream is tried again (no time)
  tick: 200,       // between the steps of the clocks
  list: 1000,      // between two changes of the latest readings
  fresh: 10000,    // for which a mistake stands out that has just come
  announce: 5000,  // between two mistakes that are read out
  describe: 5000,  // between new descriptions of a picture
};
const LIMIT = 1e6;          // degrees: to draw, all beyond are as good as that

let source = null;          // the EventSource, while there is one
let asked = null;           // the AbortController of a question, while there is one
let timer = null;           // of the next attempt or question
let lastHeard = 0;          // when (performance.now) the server last said something,
let lastWord = null;        // and at what time
let polls = 0;              // questions asked since the stream was tried
let connection = "";        // connecting, live, asking, full or lost
let anew = true;            // the next state to come is whole, maybe of another server
let heard = null;           // what the server has told of its state,
let heardTime = 0;          // when the last of it came,
let lostTime = null;        // and when the server was lost: then no clock goes on
const cities = new Map();   // name -> {city, maximum, minimum, high, low}; the last two as numbers

function connect() {
  hangUp();
  if (document.hidden) return;
  anew = true;
  source = new EventSource("events");
  source.onerror = askWhy;
  source.addEventListener("here", hear);
  source.addEventListener("state", (event) => takeState(JSON.parse(event.data)));
  source.addEventListener("cities", (event) => takeCities(JSON.parse(event.data)));
  lastHeard = performance.now();
  polls = 0;
}

// A tab that nobody sees holds no stream: a browser has six for all its tabs.
function hangUp() {
  clearTimeout(timer);
  if (source) source.close();
  if (asked) asked.abort();
  source = asked = null;
}

function later(what, milliseconds) {
  clearTimeout(timer);
  timer = setTimeout(what, milliseconds);
}

function hear() {
  lastHeard = performance.now();
  lastWord = new Date();
  if (lostTime === null && connection === (source ? "live" : "asking")) return;
  lostTime = null;
  showConnection(source ? "live" : "asking");
}

// Ask the server for something; what comes of it goes to answered(reply), or it is lost.
async function ask(path, method, answered, patience = PACE.answer) {
  hangUp();
  const question = asked = new AbortController();
  const limit = setTimeout(() => question.abort(), patience);
  try {
    const reply = await fetch(path, {method, signal: question.signal, cache: "no-store"});
    await answered(reply);
  } catch (error) {
    if (asked === question) lose();
  } finally {
    clearTimeout(limit);
    if (asked === question) asked = null;
  }
}

// The stream has failed, and an EventSource does not tell why.
function askWhy() {
  ask("events", "HEAD", (reply) => {
    if (reply.status === 503) showConnection("full");
    else if (!reply.ok) throw new Error(reply.status);
    later(connect, PACE.retry);
  });
}

// The stream is silent. If the server answers, something on the way holds the stream back; or it was
// for once only, so now and then the stream is tried again.
function poll() {
  ask("./", "HEAD", () => { askForAll(); });  // at once; to make the state of many cities takes longer
}

function askForAll() {
  ask("state", "GET", async (reply) => {
    if (!reply.ok) throw new Error(reply.status);
    const {temperatures, ...news} = await reply.json();
    const {ranges, ...rest} = temperatures || {};
    source = null;
    anew = true;
    takeState(temperatures ? {...news, temperatures: rest} : news);
    if (ranges) takeCities({reset: true, readings: ranges});
    polls += 1;
    later(polls < PACE.polls ? poll : connect, PACE.poll);
  }, PACE.all);
}

function lose() {
  hangUp();
  later(connect, PACE.retry);
  if (lostTime === null) lostTime = lastHeard;
  showConnection("lost");
  redraw("size");  // the picture of that time, also its clocks
}

// Only what has changed comes. But the first of a stream is whole, and of another server perhaps, with
// another service: nothing of what was known before may stay.
function takeState(news) {
  const first = anew;
  anew = false;
  if (first && !news.temperatures) cities.clear();
  heard = first ? news : {...heard, ...news};
  heardTime = performance.now();
  if (news.slots) heard.slotsTime = heardTime;  // they come only when somebody comes, goes or does something else
  if (news.temperatures) countFresh(news.temperatures.latest, first);
  if (news.crowd) takeCrowd(heard);
  hear();
  redraw("state");
}

function takeCities(news) {
  if (news.reset) cities.clear();
  for (const [city, maximum, minimum] of news.readings) {
    const high = Math.min(LIMIT, maximum), low = Math.min(LIMIT, minimum);
    cities.set(city, {city, maximum, minimum, high, low});
  }
  hear();
  redraw("cities");
}

function showConnection(name) {
  if (connection === name) return;
  connection = name;
  byId("connection").className = name;
  tellConnection();
  document.body.classList.toggle("lost", name === "lost" || name === "full");
  main.classList.toggle("stale", name === "lost");
}

// A picture that is held shows another time than that of the last word.
function tellConnection() {
  const held = connection === "lost" && frozenAt !== null;
  setText(byId("connection"), fill(held ? TEXTS.lostFrozen : TEXTS[connection], {
    time: clockTime(lastWord || new Date()), frozen: held ? clockTime(frozenDate) : ""}));
  if (heard) document.title = fill(connection === "lost" ? TEXTS.titleLost : TEXTS.title, heard);
}
