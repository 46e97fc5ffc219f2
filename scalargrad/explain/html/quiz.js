// The quiz: each contribution of the backward pass is hidden until it is predicted or revealed.
//
//     import { quiz } from "./quiz.js";
//     const asked = quiz(element, { markup, at: 0, keys: document, onStep });
//
// The markup is that of `content` for the data of `quiz_data`. Options and result are those of `mount` of stepper.js;
// `at` says how many contributions are known at the start. One more option, `focus`, is whether the field for the answer
// takes the focus at once, and one more thing in the result is `points`: those of each contribution that was asked for.
// In a file of its own this needs `import { mount } from "./stepper.js"`; in a page both stand in one script.

const DIGITS = 5e-3; // how far off an answer of three significant digits may be, relatively
const SMALLEST = 5e-9; // two numbers that are less than this apart are the same
const [RIGHT, HELPED, REVEALED] = [1, 0.5, 0]; // points
const NUMBER = "[-+]?(?:\\d+(?:\\.\\d*)?|\\.\\d+)(?:e[-+]?\\d+)?";
const ANSWER = new RegExp(`^(${NUMBER})(?:/(${NUMBER}))?$`);
const INFINITE = /^([-+]?)(inf|infinity|∞|nan)$/;

// The number that a learner typed: a decimal point or comma, any minus sign, a fraction; null where it is none.
export function numberOf(text) {
  const plain = text.replace(/\s+/g, "").replace(/[−–]/g, "-").toLowerCase();
  const [, sign, word] = INFINITE.exec(plain) ?? [];
  if (word) return word === "nan" ? NaN : sign === "-" ? -Infinity : Infinity;
  const [, above, below = "1"] = ANSWER.exec(plain.replaceAll(",", ".")) ?? [];
  return above === undefined || Number(below) === 0 ? null : Number(above) / Number(below);
}

export function isClose(answer, number) {
  if (!Number.isFinite(answer) || !Number.isFinite(number)) return Object.is(answer, number);
  return Math.abs(answer - number) <= Math.max(DIGITS * Math.max(Math.abs(answer), Math.abs(number)), SMALLEST);
}

const ODD = { inf: Infinity, "-inf": -Infinity, nan: NaN };
const exact = (text) => ODD[text] ?? Number(text);

export function quiz(root, options = {}) {
  const points = [];
  let worth = RIGHT;
  const known = options.at ?? Number(root.dataset.open ?? 0);
  const stepper = mount(root, { ...options, at: known, limit: known, onNode: options.onNode });
  const one = (selector) => root.querySelector(selector);
  const cell = (row, name) => row.querySelector("." + name);
  const written = (number) => number.querySelector("[title]")?.title ?? number.textContent.replaceAll("−", "-");

  function say(text, kind = "") {
    one(".verdict").textContent = text;
    one(".verdict").className = `verdict ${kind}`;
  }

  function score() {
    const sum = points.reduce((sum, each) => sum + each, 0);
    one(".score").textContent = points.length ? `score ${sum} of ${points.length}` : "";
  }

  // The contribution is known now: it is shown, and the next one is asked for.
  function advance(row, how, kind) {
    points.push(worth);
    worth = RIGHT;
    const part = (name) => cell(row, name).textContent;
    const arithmetic = `${part("gradient")} += ${part("upstream")} × ${part("local")} = ${part("product")}`;
    stepper.limit += 1;
    stepper.go(stepper.limit);
    score();
    const isOver = stepper.limit === stepper.highest;
    say(`${how}: ${arithmetic}${isOver ? `. That was the last one: ${one(".score").textContent}.` : ""}`, kind);
    one(".typed").value = "";
    if (!isOver) one(".typed").focus({ preventScroll: true });
  }

  function check() {
    const row = stepper.question();
    const answer = numberOf(one(".typed").value);
    if (!row) return;
    one(".typed").select();
    if (answer === null) return say("Type a number, such as -0.5, −0,5 or -1/2.");
    if (isClose(answer, exact(written(cell(row, "product"))))) return advance(row, "Right", "right");
    worth = Math.min(worth, HELPED);
    const sentences = root.querySelectorAll(".misconceptions li");
    const mistakes = row.dataset.mistakes.split(" ").filter(Boolean).map((pair) => pair.split(":"));
    const behind = mistakes.filter(([, number]) => isClose(answer, exact(number))).map(([i]) => sentences[i].textContent);
    say(behind.length ? `Wrong: ${behind.join(" Or: ")}` : "Wrong: try again, or take the hint.", "wrong");
  }

  function hint() {
    const row = stepper.question();
    if (!row) return;
    worth = Math.min(worth, HELPED);
    say(`${cell(row, "slope").textContent} = ${cell(row, "formula").textContent}`);
    one(".typed").focus({ preventScroll: true });
  }

  function reveal() {
    const row = stepper.question();
    if (!row) return;
    worth = REVEALED;
    advance(row, "Revealed", "");
  }

  const listeners = new AbortController();
  const listen = (target, kind, handler) => target.addEventListener(kind, handler, { signal: listeners.signal });
  listen(root, "submit", (event) => {
    event.preventDefault();
    check();
  });
  listen(root, "click", (event) => {
    if (event.target.closest(".hint")) hint();
    if (event.target.closest(".reveal")) reveal();
  });
  // No number has an h or an r, so these keys work while one is typed, too.
  listen(options.keys ?? root, "keydown", (event) => {
    if (event.altKey || event.ctrlKey || event.metaKey || event.shiftKey || !stepper.question()) return;
    if (event.key === "h") hint();
    else if (event.key === "r") reveal();
    else return;
    event.preventDefault();
  });

  score();
  if (options.focus) one(".typed").focus({ preventScroll: true });
  return Object.assign(stepper, {
    points,
    unmount: ((unmount) => () => (listeners.abort(), unmount()))(stepper.unmount),
  });
}
