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
  const WIDE = 24; // letters of a name
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

  // Show a cell large: a long name loses its middle, and its title has it whole.
  function copy(from, slot) {
    const words = from.textContent;
    slot.replaceChildren(...from.cloneNode(true).childNodes);
    if (slot.localName !== "bdi") return;
    slot.title = words.length > WIDE ? words : "";
    if (slot.title) slot.textContent = words.slice(0, WIDE / 2) + "…" + words.slice(1 - WIDE / 2);
  }

  function write() {
    const step = steps[position - 1];
    root.dataset.at = step ? "step" : "start";
    if (step) for (const slot of slots) copy(cell(step, slot.dataset.slot), slot);
    element("position").textContent = slider.value = position;
  }

  // ---------------------------------------------------------------- how large the graph is

  const LEGIBLE = 0.65; // at this scale or more the whole graph can be read
  const CLOSE = 1.1; // else a step is shown at this one, where the reader has chosen none
  const LARGEST = 1.5; // a graph that fits is shown no larger
  let chosen = null; // the scale that the reader has chosen; null for none

  function fitting() {
    const style = getComputedStyle(graph);
    const [width, height] = ["--width", "--height"].map((name) => parseFloat(style.getPropertyValue(name)));
    const [x, y] = [parseFloat(style.paddingLeft) * 2, parseFloat(style.paddingTop) * 2];
    const tallest = matchMedia("(min-width: 64rem)").matches ? graph.clientHeight : 0.7 * innerHeight;
    return Math.min((graph.clientWidth - x) / width, (tallest - y) / height, LARGEST);
  }

  function scale() {
    const fit = fitting();
    const isWhole = fit >= LEGIBLE || position === 0 || position === steps.length;
    const wanted = chosen ?? (isWhole ? fit : CLOSE);
    graph.style.setProperty("--scale", wanted);
    return wanted;
  }

  const zooms = {
    out: () => Math.max(fitting(), scale() / 1.25),
    fit: () => fitting(),
    in: () => Math.min(4, scale() * 1.25),
  };

  function zoom(name) {
    chosen = zooms[name]();
    go(position);
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
    scale();
    const step = steps[position - 1];
    for (const part of step ? [step.result, step.operand, step.edge] : [steps[0]?.result ?? graph]) reveal(part, graph);
    reveal(step?.row ?? ledger, ledger);
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
  const sizes = { "-": "out", 0: "fit", "+": "in", "=": "in" };

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
  for (const button of all("[data-zoom]")) button.addEventListener("click", () => zoom(button.dataset.zoom));
  window.addEventListener("resize", () => go(position));
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
    if (event.altKey || event.ctrlKey || event.metaKey || (event.shiftKey && event.key !== "+")) return;
    if (event.key === " " && !event.target.closest("button, a")) play.click();
    else if (event.key in keys && event.target !== slider) jump(moves[keys[event.key]]());
    else if (event.key in sizes) zoom(sizes[event.key]);
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
