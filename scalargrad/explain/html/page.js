"use strict";
// All that is shown stands in the page already: a row of the ledger is a step, and is read from there.
(() => {
  const element = (id) => document.getElementById(id);
  const all = (selector) => [...document.querySelectorAll(selector)];

  const root = document.documentElement;
  const [graph, ledger, slider, play] = ["graph", "ledger", "slider", "play"].map(element);
  const slots = all("[data-slot]");
  const latest = new Map();
  const steps = all("#ledger tbody tr").map((row) => {
    const { edge, result, operand, colour } = row.dataset;
    const total = document.querySelector(`#${operand} .gradient`);
    let field = total;
    while (field.localName === "text") field = field.previousElementSibling;
    const step = { row, total, field, colour, earlier: latest.get(operand) }; // the one before into the same operand
    Object.assign(step, { edge: element(edge), result: element(result), operand: element(operand) });
    latest.set(operand, step);
    row.removeAttribute("id"); // the hash is followed here, without the page jumping to the row
    return step;
  });
  const pause = Math.min(1000, 60000 / steps.length); // milliseconds for a step: all of them in a minute at most
  let position = steps.length; // how many steps are shown as made: in the page as written, all
  let timer = 0;

  // ---------------------------------------------------------------- showing a position

  const cell = (step, name) => step.row.querySelector("." + name);

  function light(isOn) {
    const step = steps[position - 1];
    if (!step) return;
    step.row.classList.toggle("current", isOn);
    step.edge.classList.toggle("current", isOn);
    step.result.classList.toggle("result", isOn);
    step.operand.classList.toggle("operand", isOn);
  }

  function make(step, isMade) {
    const shown = isMade ? step : step.earlier;
    step.total.textContent = shown ? cell(shown, "after").textContent.replaceAll("−", "-") : "–"; // as drawn
    step.field.setAttribute("fill", shown ? shown.colour : graph.dataset.nothing);
    step.operand.classList.toggle("ahead", !shown);
    step.edge.classList.toggle("ahead", !isMade);
    step.row.classList.toggle("ahead", !isMade);
  }

  function show(target) {
    light(false);
    while (position < target) make(steps[position++], true);
    while (position > target) make(steps[--position], false);
    light(true);
  }

  function write() {
    const step = steps[position - 1];
    root.dataset.at = step ? "step" : "start";
    if (step) for (const slot of slots) slot.replaceChildren(...cell(step, slot.dataset.slot).cloneNode(true).childNodes);
    element("position").textContent = slider.value = position;
  }

  // Bring what is current into sight, within the graph and the ledger: the page itself stays where it is.
  function reveal(part, box) {
    const [inner, outer] = [part.getBoundingClientRect(), box.getBoundingClientRect()];
    const margin = 48;
    if (inner.left < outer.left || inner.right > outer.right) {
      box.scrollLeft += (inner.left + inner.right - outer.left - outer.right) / 2;
    }
    if (inner.top < outer.top + margin || inner.bottom > outer.bottom - margin) {
      box.scrollTop += (inner.top + inner.bottom - outer.top - outer.bottom) / 2;
    }
  }

  function go(target) {
    show(Math.max(0, Math.min(steps.length, target)));
    write();
    const { edge, row } = steps[position - 1] ?? { edge: steps[0]?.result ?? graph, row: ledger };
    reveal(edge, graph);
    reveal(row, ledger);
    if (location.protocol !== "about:") history.replaceState(null, "", "#step=" + position); // a frame has no address
    if (position === steps.length) stop();
  }

  // ---------------------------------------------------------------- playing

  function stop() {
    clearInterval(timer);
    timer = 0;
    root.classList.remove("playing");
    play.ariaLabel = "Play";
  }

  function start() {
    if (position === steps.length) go(0);
    timer = setInterval(() => go(position + 1), pause);
    root.classList.add("playing");
    play.ariaLabel = "Pause";
  }

  // ---------------------------------------------------------------- asking for a position

  const moves = {
    first: () => 0,
    previous: () => position - 1,
    next: () => position + 1,
    last: () => steps.length,
  };
  const keys = { Home: "first", ArrowLeft: "previous", ArrowRight: "next", End: "last" };

  function jump(target) {
    stop();
    go(target);
  }

  function follow() {
    const wanted = /^#step=(\d+)$/.exec(location.hash);
    jump(wanted ? Number(wanted[1]) : position);
  }

  for (const button of all("[data-go]")) {
    button.addEventListener("click", () => jump(moves[button.dataset.go]()));
  }
  play.addEventListener("click", () => (timer ? stop() : start()));
  slider.addEventListener("input", () => jump(Number(slider.value)));
  window.addEventListener("hashchange", follow);
  ledger.addEventListener("click", (event) => {
    const link = event.target.closest("a");
    if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
    jump(Number(link.textContent));
    event.preventDefault(); // in a frame it would lead to the page around it
  });
  document.addEventListener("keydown", (event) => {
    if (event.altKey || event.ctrlKey || event.metaKey || event.shiftKey) return;
    if (event.key === " " && !event.target.closest("button, a")) play.click();
    else if (event.key in keys && event.target !== slider) jump(moves[keys[event.key]]());
    else return;
    event.preventDefault();
  });

  // ---------------------------------------------------------------- light and dark, paper

  element("theme").addEventListener("click", () => {
    const dark = root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
    root.dataset.theme = dark ? "light" : "dark";
  });
  let kept = 0; // where the reader was, while on paper all steps are made and none is lit
  window.addEventListener("beforeprint", () => ((kept = position), show(steps.length), light(false)));
  window.addEventListener("afterprint", () => show(kept));

  root.classList.add("live");
  root.classList.toggle("large", steps.length > 300);
  show(0);
  follow();
})();
