// The stepper: a graph, its two passes and their tables, to walk through step by step.
//
//     import { mount } from "./stepper.js";
//     const stepper = mount(element, { markup, at: 5, keys: document, onStep: (step) => … });
//
// The element has the class `stepper`. It holds the markup of stepper.html, which `content` in document.py makes from
// the data of a backward pass, or is given it here. Everything that is shown comes from the rows of that markup.
// The styles are in stepper.css. Nothing outside the element is read or changed.
//
// A position is a number. At 0 the backward pass starts; at 5, five of its steps are made. Before it comes the forward
// pass: at -1 all of its steps are made, at -2 all but the last, and at `lowest` none.
//
// Options, none of which is necessary:
//     markup   the text to put into the element
//     at       the position to open at; else the element's data-open, else 0
//     keys     where keys are listened to: `document`, or by default the element, so that they work while it has focus
//     onStep   called with each step that is shown, also the first: { position, pass, result, operand, operands }.
//              pass is "forward" or "backward"; nodes are given by their place in the data. A step that computes
//              `result` has its `operands`; one that contributes to `operand` has that; at the start of a pass
//              result and operand are null.
//     limit    the highest position that may be shown, as in a quiz: there the next step is asked for, its arithmetic
//              is that of data-when="question", and its parts of the graph are lit
//     onNode   called with a node that was clicked, in place of going to its step
//     onBox    called with a call that was clicked and whether it is open now, in place of showing the other picture:
//              calls of modules are given by their place among the boxes of the data
//
// The stepper:
//     position, lowest, highest    where it stands, and between which positions; highest without the limit
//     limit                        as in the options; it may be set
//     question()                   the row of the step that is asked for; null where none is
//     go(position)                 go there, or to the nearest end
//     toNode(node)                 go to the first step into a node, or, in the forward pass, to the one that makes it;
//                                  at a root of the backward pass to its start
//     fold(isFolded)               show modules as boxes, or every node, where the markup has both pictures
//     light(node)                  mark a node from outside, as a line of code does that is pointed at; null for none
//     replace(markup, position)    show another pass, by default at the same position
//     refresh()                    show the numbers of the rows, which were changed in place, wherever they stand
//     printed(isOn)                show everything, as for paper; then again what was shown
//     unmount()                    take the listeners away; the markup stays as it is

const NONE = "–";
const TINY = 0.25; // at less than this scale a graph is dust
const LEGIBLE = 0.58; // at this scale or more the whole graph can be read
const CLOSE = 1.1; // else a step is shown at this one, where the reader has chosen none
const LARGEST = 1.5; // a graph that fits is shown no larger

export function mount(root, options = {}) {
  const { keys: listening = root, onStep = () => {}, onNode = null, onBox = null } = options;
  const listeners = new AbortController();
  let now = null; // what the markup of the moment holds: see `read`
  let position = 0;
  let timer = 0;
  let chosen = null; // the scale that the reader has chosen; null for none
  let marked = null; // the node that is marked from outside
  let limit = options.limit ?? Infinity;
  let view = null; // the picture that is shown: see `viewOf`

  const one = (selector) => root.querySelector(selector);
  const all = (selector) => [...root.querySelectorAll(selector)];
  const listen = (target, kind, handler) => target.addEventListener(kind, handler, { signal: listeners.signal });

  // ---------------------------------------------------------------- reading the markup

  // A picture names the nodes that it hides in boxes, with the box, and the edges for which another arrow stands.
  function viewOf(picture) {
    const pairs = (text) => new Map(text.split(" ").filter(Boolean).map((pair) => pair.split(":")));
    const [inside, arrows, calls] = ["nodes", "edges", "calls"].map((name) => pairs(picture.dataset[name] ?? ""));
    const { prefix } = picture.dataset;
    const find = (name) => picture.querySelector(`#${prefix}${name}`);
    const boxes = new Set(inside.values());
    const nameOf = (place) => inside.get(String(place)) ?? `node${place}`;
    return {
      picture,
      svg: picture.querySelector("svg"),
      isFolded: boxes.size > 0,
      element: (place) => find(nameOf(place)),
      edge: (result, position) => {
        const name = arrows.get(`${result}_${position}`) ?? `${result}_${position}`;
        return name === "" ? null : find(`edge${name}`);
      },
      isHidden: (place) => inside.has(String(place)),
      isBox: (element) => boxes.has(element.id.slice(prefix.length)),
      places: (element) => {
        const name = element.id.slice(prefix.length);
        const hidden = [...inside].filter(([, box]) => box === name).map(([place]) => Number(place));
        return name.startsWith("node") ? [Number(name.slice("node".length)), ...hidden] : hidden;
      },
      callOf: (element) => {
        const name = element.id.slice(prefix.length);
        return name.startsWith("cluster") ? Number(name.slice("cluster".length)) : Number(calls.get(name) ?? NaN);
      },
    };
  }

  // Graphviz draws a module's frame and title first; the title goes on top, where no arrow crosses it.
  function raise(cluster) {
    const frame = cluster.cloneNode(false);
    frame.removeAttribute("id");
    frame.setAttribute("class", "frame");
    frame.append(cluster.querySelector(":scope > :is(path, polygon)"));
    cluster.before(frame);
    cluster.parentNode.append(cluster);
  }

  const element = (place) => view.element(place);

  function node(place) {
    const element = view.element(place);
    if (view.isHidden(place)) return { element, isHidden: true };
    const texts = [...element.querySelectorAll("text")];
    const gradient = texts.find((text) => text.classList.contains("gradient"));
    if (!gradient) return { element };
    let field = gradient;
    while (field.localName === "text") field = field.previousElementSibling;
    const between = view.isBox(element) ? 2 : 1; // "grad", and in a box what it hides
    return { element, gradient, field, value: texts[texts.indexOf(gradient) - between - 1] };
  }

  function read() {
    const nodes = [];
    const [computed, handed] = [new Set(), new Set()]; // the arrows of each pass
    const lit = (edges, seen) => {
      const arrows = edges.filter(Boolean);
      const own = arrows.filter((arrow) => !seen.has(arrow)); // an arrow of many edges belongs to the first
      own.forEach((arrow) => seen.add(arrow));
      return { edges: arrows, own };
    };
    const known = (place) => (nodes[place] ??= node(place));
    const numbers = (text) => text.split(" ").map(Number);
    const forward = all(".forward tbody tr").map((row) => {
      const [result, operands] = [Number(row.dataset.result), numbers(row.dataset.operands)];
      const edges = lit(operands.map((_, i) => view.edge(result, i)), computed);
      return { pass: "forward", row, ...edges, result, operands, operand: null, node: known(result) };
    });
    const backward = all(".backward tbody tr").map((row) => {
      const [result, operand] = [Number(row.dataset.result), Number(row.dataset.operand)];
      const edges = lit([view.edge(result, Number(row.dataset.position))], handed);
      return { pass: "backward", row, ...edges, result, operand, operands: null, node: known(operand) };
    });
    for (const { row } of [...forward, ...backward]) row.removeAttribute("id"); // the page does not jump to it
    const figure = one("figure");
    const roots = numbers(figure.dataset.roots);
    roots.forEach(known);
    const { svg } = view;
    now = { figure, svg, tables: one(".tables"), slider: one(".slider"), play: one(".play"), nodes, roots };
    Object.assign(now, { forward, backward });
    now.lowest = forward.length ? -1 - forward.length : 0;
    const isRoot = new Set(roots.map((place) => now.nodes[place]));
    now.waiting = new Set(backward.map((step) => step.node).filter((node) => !isRoot.has(node) && !node.isHidden));
    now.size = [svg.width.baseVal.value, svg.height.baseVal.value];
    now.pause = Math.min(1000, 60000 / backward.length); // milliseconds for a step: all of them in a minute at most
    root.classList.add("live");
    root.classList.toggle("large", backward.length > 300);
    position = backward.length; // as written, all steps are made
  }

  // ---------------------------------------------------------------- showing a position

  const cell = (step, name) => step.row.querySelector("." + name);
  const stepAt = (place) =>
    place > 0 ? now.backward[place - 1] : place < 0 ? now.forward[place - now.lowest - 1] : undefined;

  const isAsked = () => position === limit && limit < now.backward.length;
  const current = () => (isAsked() ? now.backward[position] : stepAt(position)); // the step that is lit

  function light(isOn) {
    const step = current();
    if (!step) return;
    step.row.classList.toggle("current", isOn);
    for (const edge of step.edges) edge.classList.toggle("current", isOn);
    element(step.result).classList.toggle(step.pass === "forward" ? "made" : "result", isOn);
    if (step.operand !== null) step.node.element.classList.toggle("operand", isOn);
    for (const place of step.operands ?? []) element(place).classList.toggle("read", isOn);
  }

  const drawn = (from) => from.textContent.replaceAll("−", "-"); // as in a card

  function contribute(step, isMade) {
    const { gradient, field, element, isHidden } = step.node;
    const isReached = isMade || step.row.dataset.first === undefined;
    step.row.classList.toggle("ahead", !isMade);
    for (const arrow of step.own) arrow.classList.toggle("ahead", !isMade);
    if (isHidden) return;
    gradient.textContent = isMade ? drawn(cell(step, "after")) : isReached ? drawn(cell(step, "before")) : NONE;
    field.setAttribute("fill", isMade ? step.row.dataset.colour : step.row.dataset.earlier);
    element.classList.toggle("ahead", !isReached);
  }

  function compute(step, isMade) {
    const { value, element, isHidden } = step.node;
    if (value) value.textContent = isMade ? drawn(cell(step, "value")) : NONE;
    if (!isHidden) element.classList.toggle("ahead", !isMade);
    for (const arrow of step.own) arrow.classList.toggle("ahead", !isMade);
    step.row.classList.toggle("ahead", !isMade);
  }

  // From the end of the forward pass, where nothing has a gradient, to the start of the backward pass, and back.
  function turn(isMade) {
    for (const { element } of now.waiting) element.classList.toggle("ahead", isMade);
    for (const { own } of now.backward) for (const arrow of own) arrow.classList.toggle("ahead", isMade);
    for (const place of now.roots) {
      const { gradient, field } = now.nodes[place];
      if (!gradient) continue;
      now.nodes[place].seed ??= [gradient.textContent, field.getAttribute("fill")];
      const [text, fill] = isMade ? now.nodes[place].seed : [NONE, now.figure.dataset.nothing];
      gradient.textContent = text;
      field.setAttribute("fill", fill);
    }
  }

  function move(place, isMade) {
    if (place === 0) turn(isMade);
    else (place > 0 ? contribute : compute)(stepAt(place), isMade);
  }

  function show(target) {
    light(false);
    while (position < target) move(++position, true);
    while (position > target) move(position--, false);
    light(true);
  }

  function write() {
    const step = current();
    const pass = position < 0 ? "forward" : "backward";
    if (root.dataset.pass !== pass) {
      root.dataset.pass = pass;
      tighten();
    }
    root.dataset.at = isAsked() ? "question" : step ? pass : position < 0 ? "leaves" : "start";
    for (const part of all(`[data-when~="${root.dataset.at}"]`)) {
      for (const slot of part.querySelectorAll("[data-slot]")) copy(cell(step, slot.dataset.slot), slot);
    }
    for (const button of all("[data-pass]")) button.ariaPressed = String(button.dataset.pass === pass);
    now.slider.value = position;
    now.slider.ariaValueText = position < 0 ? `forward ${position - now.lowest}` : null;
    one(".position").textContent = position < 0 ? position - now.lowest : position;
    one(".length").textContent = position < 0 ? now.forward.length : now.backward.length;
  }

  function copy(from, slot) {
    slot.replaceChildren(...from.cloneNode(true).childNodes);
    slot.classList.toggle("long", from.classList.contains("long"));
  }

  // ---------------------------------------------------------------- how large the graph is

  // Where a table is wider than its room, as with long names, the columns that can be done without are left out.
  function tighten() {
    const { tables } = now;
    tables.classList.remove("tight", "tighter");
    for (const name of ["tight", "tighter"]) if (tables.scrollWidth > tables.clientWidth) tables.classList.add(name);
  }

  function fitting() {
    const { figure, size } = now;
    const style = getComputedStyle(figure);
    const [x, y] = [parseFloat(style.paddingLeft) * 2, parseFloat(style.paddingTop) * 2];
    const tallest = style.getPropertyValue("--is-bounded") === "1" ? figure.clientHeight : 0.7 * innerHeight;
    return Math.max(0.02, Math.min((figure.clientWidth - x - 1) / size[0], (tallest - y - 1) / size[1], LARGEST));
  }

  function scale() {
    const fit = fitting();
    const isEnd = [now.lowest, 0, now.backward.length].includes(position);
    const isWhole = fit >= LEGIBLE || (fit >= TINY && isEnd);
    const wanted = chosen ?? (isWhole ? fit : CLOSE);
    now.svg.style.width = `${wanted * now.size[0]}px`;
    now.svg.style.height = `${wanted * now.size[1]}px`;
    return wanted;
  }

  const zooms = {
    out: () => Math.max(fitting(), scale() / 1.25),
    fit: () => fitting(),
    in: () => Math.min(4, scale() * 1.25),
  };

  function zoom(name) {
    chosen = zooms[name]();
    settle();
  }

  // ---------------------------------------------------------------- modules as boxes, or every node

  // As the markup is written, all steps are made in both pictures. So the one that is left is put back to that.
  function fold(isFolded) {
    const picture = all(".picture").find((picture) => viewOf(picture).isFolded === isFolded);
    if (!picture || picture === view.picture) return;
    const at = position;
    light(false);
    show(now.backward.length);
    light(false);
    chosen = null;
    look(picture);
    read();
    show(at);
    settle();
  }

  function look(picture) {
    view = viewOf(picture);
    for (const other of all(".picture")) other.hidden = other !== picture;
    const button = one("[data-fold]");
    if (button) button.ariaPressed = String(view.isFolded);
  }

  function press(part) {
    const call = view.callOf(part);
    const places = view.places(part);
    if (onBox && !Number.isNaN(call)) onBox(call, part.classList.contains("cluster"));
    else if (part.classList.contains("cluster")) fold(true);
    else {
      fold(false);
      chosen = CLOSE;
      settle(places.map(element));
    }
  }

  // Bring what is current into sight, within the graph and the table: what is around them stays where it is.
  function reveal(part, box) {
    const [inner, outer] = [part.getBoundingClientRect(), box.getBoundingClientRect()];
    const margin = 48;
    if (box === now.figure && (inner.left < outer.left || inner.right > outer.right)) {
      box.scrollLeft += (inner.left + inner.right - outer.left - outer.right) / 2;
    }
    if (inner.top < outer.top + margin || inner.bottom > outer.bottom - margin) {
      box.scrollTop += (inner.top + inner.bottom - outer.top - outer.bottom) / 2;
    }
  }

  function go(target) {
    show(Math.max(now.lowest, Math.min(now.backward.length, limit, target)));
    write();
    settle();
    if (position >= Math.min(now.backward.length, limit)) stop();
    const step = stepAt(position);
    const { pass = root.dataset.pass, result = null, operand = null, operands = null } = step ?? {};
    onStep({ position, pass, result, operand, operands });
  }

  function settle(parts = null) {
    scale();
    const step = current();
    const start = position === now.lowest && position < 0 ? now.forward[0].operands : now.roots;
    const ends = step ? [...(step.operands ?? []), step.result, step.operand ?? step.result] : start.slice(0, 1);
    for (const part of parts ?? ends.map(element)) reveal(part, now.figure);
    reveal(step?.row ?? now.tables, now.tables);
  }

  // ---------------------------------------------------------------- playing

  function stop() {
    clearInterval(timer);
    timer = 0;
    root.classList.remove("playing");
    now.play.ariaLabel = "Play";
  }

  function start() {
    if (position >= Math.min(now.backward.length, limit)) go(0);
    timer = setInterval(() => go(position + 1), now.pause);
    root.classList.add("playing");
    now.play.ariaLabel = "Pause";
  }

  // ---------------------------------------------------------------- asking for a position

  const moves = {
    first: () => (position > 0 ? 0 : now.lowest),
    previous: () => position - 1,
    next: () => position + 1,
    last: () => (position < 0 ? 0 : now.backward.length),
    forward: () => now.lowest,
    backward: () => 0,
  };
  const keys = { Home: "first", ArrowLeft: "previous", ArrowRight: "next", End: "last", f: "forward", b: "backward" };
  const sizes = { "-": "out", 0: "fit", "+": "in", "=": "in" };

  function jump(target) {
    stop();
    go(target);
  }

  function toNode(place) {
    const [steps, start] = position < 0 ? [now.forward, now.lowest] : [now.backward, 0];
    jump(start + 1 + steps.findIndex((step) => (position < 0 ? step.result : step.operand) === place));
  }

  function mark(place) {
    if (marked !== null) element(marked)?.classList.remove("marked");
    marked = place;
    if (marked === null) return;
    element(marked)?.classList.add("marked");
    if (element(marked)) reveal(element(marked), now.figure);
  }

  listen(root, "click", (event) => {
    const button = event.target.closest("button");
    const link = event.target.closest("a.index");
    const card = event.target.closest(".node, .cluster text");
    if (button?.dataset.go) jump(moves[button.dataset.go]());
    else if (button?.dataset.zoom) zoom(button.dataset.zoom);
    else if (button === now.play && button) timer ? stop() : start();
    else if (link && !event.ctrlKey && !event.metaKey && !event.shiftKey) {
      const made = Number(link.textContent);
      jump(link.closest(".forward") ? now.lowest + made : made);
      event.preventDefault(); // in a frame it would lead to the page around it
    } else if (button?.dataset.fold !== undefined) fold(!view.isFolded);
    else if (card?.localName === "text") press(card.closest(".cluster"));
    else if (card && view.isBox(card)) press(card);
    else if (card && view.places(card).length) (onNode ?? toNode)(view.places(card)[0]);
  });
  listen(root, "input", (event) => event.target === now.slider && jump(Number(now.slider.value)));
  listen(root, "pointerover", (event) => {
    const name = event.target.closest?.(".long");
    if (name) name.title = name.textContent;
  });
  listen(listening, "keydown", (event) => {
    if (event.altKey || event.ctrlKey || event.metaKey || (event.shiftKey && event.key !== "+")) return;
    if (event.target.closest?.("input:not(.slider), textarea, select, [contenteditable]")) return;
    if (event.key === " " && !event.target.closest?.("button, a")) timer ? stop() : start();
    else if (event.key in keys && event.target !== now.slider) jump(moves[keys[event.key]]());
    else if (event.key in sizes) zoom(sizes[event.key]);
    else if (event.key === "m") fold(!view.isFolded);
    else return;
    event.preventDefault();
  });

  let room = ""; // that there was for the graph when it was scaled
  const resized = new ResizeObserver(() => {
    const { figure } = now;
    const isBounded = getComputedStyle(figure).getPropertyValue("--is-bounded") === "1";
    const current = `${figure.clientWidth} ${isBounded ? figure.clientHeight : innerHeight}`;
    if (current !== room) {
      tighten();
      settle();
    }
    room = current;
  });

  // ---------------------------------------------------------------- what others may do

  function replace(markup, at = position) {
    clearInterval(timer);
    timer = 0;
    root.classList.remove("playing");
    marked = null;
    if (markup !== undefined) root.innerHTML = markup;
    all(".cluster").forEach(raise);
    delete root.dataset.pass;
    look(one(".picture"));
    read();
    go(at);
    resized.disconnect();
    resized.observe(now.figure);
  }

  let kept = 0; // where the reader was, while on paper all steps are made and none is lit
  function refresh() {
    const at = position;
    show(now.lowest);
    show(at);
    write();
    tighten();
  }

  function printed(isOn) {
    if (isOn) {
      kept = position;
      show(Math.min(now.backward.length, limit));
      light(false);
    } else show(kept);
  }

  function unmount() {
    stop();
    listeners.abort();
    resized.disconnect();
  }

  replace(options.markup, options.at ?? Number(root.dataset.open ?? 0));
  return {
    go: jump,
    toNode,
    fold,
    light: mark,
    replace,
    refresh,
    printed,
    unmount,
    get limit() {
      return limit;
    },
    set limit(position) {
      light(false);
      limit = position;
      light(true);
    },
    question: () => (isAsked() ? now.backward[position].row : null),
    get position() {
      return position;
    },
    get lowest() {
      return now.lowest;
    },
    get highest() {
      return now.backward.length;
    },
  };
}
