// ---- To begin ----

function start() {
  document.documentElement.lang = TEXTS.language;
  for (const element of document.querySelectorAll("[data-text]")) {
    setText(element, TEXTS[element.dataset.text]);
  }
  startSearch();
  const resized = new ResizeObserver(() => redraw("size"));
  for (const plot of document.querySelectorAll(".plot")) resized.observe(plot);
  for (const query of ["(prefers-color-scheme: dark)", "(forced-colors: active)"]) {
    matchMedia(query).addEventListener("change", () => redraw("size"));
  }
  showConnection("connecting");
  const button = byId("freeze");
  show(button, true);
  setText(button, TEXTS.freeze);
  button.title = TEXTS.freezeHint;
  button.addEventListener("click", freeze);
  document.addEventListener("keydown", freezeWithSpace);
  document.addEventListener("visibilitychange", () => document.hidden ? hangUp() : connect());
  addEventListener("beforeprint", () => forPaper(true));
  addEventListener("afterprint", () => forPaper(false));
  setInterval(tick, PACE.tick);
  startZoom();
  connect();
}

start();
