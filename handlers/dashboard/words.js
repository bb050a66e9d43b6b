"use strict";

// ---- Words, numbers and lists: how anything gets onto the page ----

// All that people read here, in their language (texts.json). Words in braces are fields.
const TEXTS = JSON.parse(document.getElementById("texts").textContent);

const byId = (id) => document.getElementById(id);
const main = document.querySelector("main");

// The address of whoever looks at this page, as the server sees it.
const VIEWER = document.querySelector("meta[name=viewer]").content;

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

function setClass(element, name) {
  if (element.className !== name) element.className = name;
}

function setProperty(element, name, value) {
  if (element.style.getPropertyValue(name) !== value) element.style.setProperty(name, value);
}

function show(element, shown) {
  if (element.hidden === shown) element.hidden = !shown;
}

// A name written from right to left must not turn the sentence around it (Unicode's FSI, PDI).
function isolate(name) {
  return "\u2068" + name + "\u2069";
}

const number = new Intl.NumberFormat(TEXTS.language).format;
const tenths = new Intl.NumberFormat(TEXTS.language, {minimumFractionDigits: 1, maximumFractionDigits: 1}).format;

const compact = new Intl.NumberFormat(TEXTS.language, {notation: "compact"}).format;

// Temperatures come as text with a point, and are shown as they came but for that.
const comma = new Intl.NumberFormat(TEXTS.language).format(.5)[1];
const local = (temperature) => temperature.replace(".", comma);

// Return a *text* about a city and its range.
function tell(text, {minimum, maximum, ...fields}) {
  return fill(text, {minimum: local(minimum), maximum: local(maximum), ...fields});
}

function clockTime(date) {
  return date.toLocaleTimeString(TEXTS.language, {hourCycle: "h23"});
}

// Return who a client is: its name, if the teacher's file has one, else its address; the viewer's own is "you".
function who({client, name}) {
  const colon = client.lastIndexOf(":");
  const own = client.slice(0, colon).replace(/^\[::ffff:|[[\]]/g, "") === VIEWER;  // IPv4 over IPv6 is the same
  if (name) return isolate(name) + (own ? ` (${TEXTS.you})` : "");
  return own ? `${TEXTS.you} ${client.slice(colon)}` : client;
}

function add(parent, tag, className = "") {
  const element = document.createElement(tag);
  element.className = className;
  return parent.appendChild(element);
}

// Add an element for what nobody may translate: a name, an address, a command.
function addName(parent, tag, className = "") {
  const element = add(parent, tag, className);
  element.translate = false;
  return element;
}

// Give *list* an item for each of *values*: make(list) adds one, show(item, value, index) fills it.
function fillList(list, values, make, show) {
  while (list.children.length > values.length) list.lastChild.remove();
  while (list.children.length < values.length) make(list);
  values.forEach((value, index) => show(list.children[index], value, index));
}
