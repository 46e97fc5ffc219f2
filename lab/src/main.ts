// The lab: code on one side, its graph, the steps and the ledger on the other.

import { h, icon } from "./dom";
import { Editor } from "./editor";
import { EXAMPLES } from "./examples";
import { menu, shown, type Exercise, type Verdict } from "./exercises";
import * as link from "./link";
import { Python, Stopped, type State } from "./python";
import { literal, NumberBar, rounded, stepOf } from "./number";
import { addTraining, isTraining } from "./views";
import { Walker, type Numbers, type Place, type Plain, type Walk } from "./stepper";

interface Mistake {
  message: string;
  trace: string;
  line: number | null;
  column: number | null;
}

interface Came {
  mistake: Mistake | null;
  pictures: string[];
  graphs: string[];
  walk: Walk | null;
}

const PLAY = "M4 2v12l10-6z";
const STOP = "M3 3h10v10H3z";
const SUN = "M8 1a7 7 0 1 0 0 14A7 7 0 0 0 8 1zm0 1.5v11a5.5 5.5 0 0 0 0-11z";
const LINKED_AFTER = 250; // milliseconds of rest before the address follows

class Lab {
  readonly python = new Python();
  private readonly runButton = h("button", { type: "button", class: "run", click: () => void this.runOrStop() });
  private readonly status = h("p", { class: "status", role: "status" });
  private readonly output = h("div", { class: "output", role: "log", "aria-label": "Output", tabindex: "0" });
  private readonly graphs = h("select", { "aria-label": "Which result to walk through", hidden: true });
  private readonly stepperElement = h("section", { class: "stepper", "aria-label": "Steps", tabindex: "-1" });
  private readonly predict = h("button", { type: "button", class: "predict", "aria-pressed": "false" }, "Predict");
  private readonly exerciseMenu = h("select", { "aria-label": "Exercises", hidden: true });
  private readonly task = h("section", { class: "task", "aria-label": "Exercise", hidden: true });
  private readonly judgeButton = h("button", { type: "button", class: "judge", hidden: true }, "Judge");
  private readonly bar: NumberBar;
  private readonly notice = h("p", { class: "notice", hidden: true });
  private readonly editor: Editor;
  private readonly walker: Walker;
  private state: State = "starting";
  private isRunning = false;
  private isStale = false; // the code has changed since it ran
  private codeThatRan: string | null = null;
  private linking = 0;
  private runs = 0; // that have ended
  private exercises: Exercise[] = [];
  private exercise: Exercise | null = null;
  // numbers that are changed by hand:
  private first: Plain[] = []; // of all nodes, as the program made them
  private changed = new Set<number>(); // nodes whose number is not that of the program
  private taken: { node: number; number: number; literal: Place | null } | null = null; // what is changed just now
  private wanted: [node: number, number: number | null] | null = null; // the newest change, while one is computed
  private isComputing = false;
  private isAdjusting = false; // the editor changes because a number of the graph does

  constructor(root: HTMLElement, linked: link.Linked) {
    const editorElement = h("div", { class: "editor" });
    const examples = h("select", { "aria-label": "Examples" }, h("option", { value: "" }, "Examples"));
    EXAMPLES.forEach(({ title }, i) => examples.append(h("option", { value: String(i) }, title)));
    examples.addEventListener("change", () => {
      const example = EXAMPLES[Number(examples.value)];
      examples.value = "";
      if (!example) return;
      this.open(null);
      this.editor.code = example.code;
      void this.run();
    });
    const theme = h("button", { type: "button", class: "icon", "aria-label": "Light or dark", title: "Light or dark" }, icon(SUN));
    theme.addEventListener("click", changeTheme);
    this.graphs.addEventListener("change", () => void this.showGraph(this.graphs.value));
    this.predict.addEventListener("click", () => void this.toggleQuiz());
    this.judgeButton.addEventListener("click", () => void this.judge());
    this.exerciseMenu.addEventListener("change", () => this.choose(this.exerciseMenu.value));
    root.append(
      h(
        "header",
        {},
        h("h1", {}, h("b", {}, "scalargrad"), " lab"),
        examples,
        this.exerciseMenu,
        this.graphs,
        this.predict,
        theme,
      ),
      h(
        "section",
        { class: "program", "aria-label": "Program" },
        this.task,
        editorElement,
        h("div", { class: "actions" }, this.runButton, this.judgeButton, this.status),
        this.output,
      ),
      h("section", { class: "walk", "aria-label": "Walk" }, this.notice, this.stepperElement),
    );
    this.bar = new NumberBar({
      onChange: (node, number) => this.change(node, number),
      onSettle: () => void this.settle(),
      onFree: (node) => this.free(node),
    });
    this.stepperElement.after(this.bar.element);
    this.editor = new Editor(editorElement, linked.code ?? EXAMPLES[0]!.code, {
      onRun: () => void this.run(),
      onChange: () => this.edited(),
      onLine: (line) => this.walker.toLine(line),
      onLeave: () => this.stepperElement.focus(),
    });
    this.walker = new Walker(this.stepperElement, {
      onStep: (position, lowest, line) => this.stepped(position, lowest, line),
      onNode: (node) => this.select(node),
      onDrag: (node, pixels) => this.drag(node, pixels),
      onDrop: () => void this.settle(),
      onBox: (call, isOpen) => void this.fold(call, isOpen),
    });
    this.python.onState = (state, detail) => this.told(state, detail);
    this.python.onOutput = (stream, text) => this.print(text, stream === "error" ? "error" : "");
    document.addEventListener("keydown", (event) => {
      if (event.key === "Enter" && (event.ctrlKey || event.metaKey) && !event.defaultPrevented) void this.run();
      else if (event.key === "Escape" && this.isRunning) this.stop();
    });
    // the address that was followed: by now another may stand there
    addEventListener("hashchange", ({ newURL }) => void this.follow(new URL(newURL).hash));
    this.draw();
    void this.begin(linked);
  }

  private async begin(linked: link.Linked): Promise<void> {
    await this.run(linked);
    if (linked.at !== null || linked.forward !== null) this.reveal(this.stepperElement);
    this.exercises = await this.python.ask<Exercise[]>("exercises", {});
    this.exerciseMenu.replaceChildren(h("option", { value: "" }, "Exercises"), ...menu(this.exercises));
    this.exerciseMenu.hidden = this.exercises.length === 0;
    if (linked.exercise !== null) this.open(this.exercises.find(({ name }) => name === linked.exercise) ?? null, linked.code);
  }

  // ---------------------------------------------------------------- running

  private async runOrStop(): Promise<void> {
    if (this.isRunning) return this.stop();
    await this.run();
    this.reveal(this.runButton.parentElement!);
  }

  /** Where all stands in one column, bring a part of it to the top. */
  private reveal(part: HTMLElement): void {
    if (!matchMedia("(min-width: 52rem)").matches) part.scrollIntoView();
  }

  /** Run the program as it stands in the editor. */
  async run(place: Partial<link.Linked> = {}): Promise<void> {
    if (this.isRunning) return;
    const code = this.editor.code;
    this.isRunning = true;
    this.output.replaceChildren();
    this.editor.unmark();
    this.draw();
    try {
      const came = await this.python.ask<Came>("run", { code });
      this.codeThatRan = code;
      this.isStale = false;
      this.show(came, place);
    } catch (error) {
      if (error instanceof Stopped) this.print("stopped\n", "quiet");
      else this.failed(error as Error);
    } finally {
      this.isRunning = false;
      document.documentElement.dataset.runs = String(++this.runs);
      this.draw();
    }
    this.python.prepare();
  }

  stop(): void {
    this.python.restart();
  }

  private failed(error: Error): void {
    const isFull = /memory|out of bounds|allocation/i.test(error.message);
    const isDeep = /call stack|recursion/i.test(error.message);
    const why = isFull
      ? "Python used up the memory that a page can have: record a smaller graph."
      : isDeep
        ? "Python's calls were nested too deep for a page."
        : `Python ended: ${error.message}`;
    this.print(`${why}\nA new one has started; the variables of the program are gone.\n`, "error");
  }

  private show(came: Came, place: Partial<link.Linked>): void {
    for (const picture of came.pictures) {
      this.output.append(h("img", { alt: "the drawing that the last line made", src: `data:image/svg+xml,${encodeURIComponent(picture)}` }));
    }
    if (came.mistake) this.printMistake(came.mistake);
    this.graphs.replaceChildren(...came.graphs.map((name) => h("option", { value: name }, name)));
    this.graphs.hidden = came.graphs.length < 2;
    if (came.walk) {
      if (came.graphs.includes(came.walk.title)) this.graphs.value = came.walk.title;
      else {
        this.graphs.prepend(h("option", { value: "" }, came.walk.title));
        this.graphs.value = "";
      }
    }
    this.showWalk(came.walk, came.mistake, place);
  }

  private async showGraph(name: string): Promise<void> {
    if (name === "") return;
    const walk = await this.python.ask<Walk>("show", { name });
    this.showWalk(walk, null, {});
  }

  private showWalk(walk: Walk | null, mistake: Mistake | null, place: Partial<link.Linked>): void {
    const nothing = "This program recorded nothing yet: compute something with Values.";
    const begun = mistake ? "The program ended with an error. This is what it had recorded." : "";
    const ended = "The program ended with an error before it recorded anything.";
    this.say(walk ? (walk.refused ?? begun) : mistake ? ended : nothing);
    this.stepperElement.hidden = this.predict.hidden = this.bar.element.hidden = walk?.markup === undefined;
    this.predict.ariaPressed = "false";
    this.changed = new Set();
    this.taken = null;
    this.bar.rest();
    if (walk?.markup !== undefined) {
      this.first = [...walk.values!];
      this.walker.show(walk, place.at ?? walk.position);
      if (typeof place.forward === "number") this.walker.go(Math.min(-1, this.walker.lowest + place.forward));
      this.editor.mark({ recorded: this.walker.lines });
    }
    if (mistake) this.editor.mark({ active: null, wrong: mistake.line, column: mistake.column });
  }

  /** Say something above the walk, or in its place. */
  private say(text: string): void {
    this.notice.textContent = text;
    this.notice.hidden = text === "";
  }

  /** Show the same walk in another form: as a quiz, or with other boxes. */
  private showAgain(walk: Walk, isQuiz: boolean): void {
    this.walker.show(walk, isQuiz && !this.walker.isQuiz ? 0 : this.walker.position, isQuiz);
    this.stepperElement.classList.toggle("quiz", isQuiz);
    this.predict.ariaPressed = String(isQuiz);
    this.bar.element.hidden = isQuiz;
    if (isQuiz) this.bar.rest();
    else this.tell();
  }

  private async toggleQuiz(): Promise<void> {
    const isQuiz = !this.walker.isQuiz;
    this.showAgain(await this.python.ask<Walk>("quiz", { is_quiz: isQuiz }), isQuiz);
  }

  private async fold(call: number, isOpen: boolean): Promise<void> {
    this.showAgain(await this.python.ask<Walk>("fold", { call, is_folded: isOpen }), this.walker.isQuiz);
  }

  // ---------------------------------------------------------------- exercises

  private choose(name: string): void {
    const exercise = this.exercises.find((each) => each.name === name);
    this.exerciseMenu.value = "";
    if (exercise) this.open(exercise);
  }

  /** Give the reader an exercise, and its code to start from where there is none yet. */
  private open(exercise: Exercise | null, code: string | null = null): void {
    this.exercise = exercise;
    this.task.hidden = this.judgeButton.hidden = exercise === null;
    if (!exercise) return;
    const close = h("button", { type: "button", "aria-label": "Close the exercise", title: "Close the exercise" }, "×");
    close.addEventListener("click", () => this.open(null));
    this.task.replaceChildren(h("h2", {}, exercise.title, close), ...shown(exercise.text));
    this.output.replaceChildren();
    if (code === null) {
      this.codeThatRan = null;
      this.isStale = false;
      this.editor.code = exercise.start;
      this.editor.unmark();
      this.graphs.hidden = true;
      this.showWalk(null, null, {});
      this.say("Fill in the code, and have it judged. Run shows what it records.");
      this.draw();
      void this.link(null, null, exercise.start);
    }
  }

  private async judge(): Promise<void> {
    if (!this.exercise || this.isRunning) return;
    this.isRunning = true;
    this.output.replaceChildren();
    this.draw();
    try {
      const given = { name: this.exercise.name, code: this.editor.code };
      const verdict = await this.python.ask<Verdict>("judge", given);
      this.output.prepend(
        h("p", { class: verdict.isRight ? "verdict right" : "verdict wrong" }, h("b", {}, verdict.headline)),
        h("pre", {}, verdict.text),
      );
      this.output.scrollTop = 0;
    } catch (error) {
      if (error instanceof Stopped) this.print("stopped\n", "quiet");
      else this.failed(error as Error);
    } finally {
      this.isRunning = false;
      this.draw();
    }
    void this.link(null, null, this.editor.code);
  }

  private stepped(position: number, lowest: number, line: number | null): void {
    if (!this.isStale) this.editor.mark({ active: line });
    const [at, forward] = position < 0 ? [null, position - lowest] : [position, null];
    clearTimeout(this.linking);
    this.linking = window.setTimeout(() => void this.link(at, forward), LINKED_AFTER);
  }

  // ---------------------------------------------------------------- numbers that are changed by hand

  private select(node: number): void {
    if (this.walker.isQuiz) return; // the numbers are asked for
    const { names, values, isLeaf } = this.walker.walk!;
    this.bar.select(node, names![node]!, values![node]!, isLeaf![node]!);
    this.tell();
  }

  /** What is changed, with the number that it had when the reader took it, and its place in the code. */
  private take(node: number): { node: number; number: number; literal: Place | null } {
    if (this.taken?.node !== node) {
      const { values, literals } = this.walker.walk!;
      this.taken = { node, number: Number(values![node]), literal: this.isStale ? null : literals![node]! };
    }
    return this.taken!;
  }

  private drag(node: number, pixels: number): void {
    if (this.bar.selected !== node) this.select(node);
    const { number } = this.take(node);
    const step = stepOf(number);
    this.change(node, rounded(number + Math.round(pixels / 4) * step, step));
  }

  /** Give a node another number: in the code, where it stands there, and in the graph, at once. */
  private change(node: number, number: number): void {
    const taken = this.take(node);
    if (taken.literal) {
      const [line, from, to] = taken.literal;
      this.isAdjusting = true;
      taken.literal = [line, from, this.editor.replace(line, from, to, literal(number))];
      this.isAdjusting = false;
    }
    this.changed.add(node);
    this.wanted = [node, number];
    void this.compute();
  }

  private free(node: number): void {
    this.take(node);
    this.changed.delete(node);
    if (this.taken?.literal) this.change(node, Number(this.first[node]));
    else {
      this.wanted = [node, null];
      void this.compute();
    }
    void this.settle();
  }

  // One change at a time: of those that come meanwhile, the newest.
  private async compute(): Promise<void> {
    if (this.isComputing) return;
    this.isComputing = true;
    try {
      while (this.wanted) {
        const [node, number] = this.wanted;
        this.wanted = null;
        const given = number === null || Number.isFinite(number) ? number : String(number);
        this.walker.update(await this.python.ask<Numbers>("change", { node, number: given }));
        this.tell();
      }
    } catch (error) {
      if (!(error instanceof Stopped)) throw error;
    } finally {
      this.isComputing = false;
    }
  }

  /** The reader is through: the code runs where it was changed, so that it is what is seen; else the picture is laid out. */
  private async settle(): Promise<void> {
    const { taken } = this;
    if (taken === null) return;
    this.taken = null;
    const { position } = this.walker;
    if (taken.literal) {
      const { first, changed } = this;
      await this.run(position < 0 ? { forward: position - this.walker.lowest } : { at: position });
      if (this.walker.walk?.values?.length !== first.length) return; // the program took another way
      [this.first, this.changed] = [first, changed];
      this.select(taken.node);
    } else {
      while (this.isComputing || this.wanted) await new Promise((resolve) => setTimeout(resolve, 5));
      if (this.taken) return; // something else is changed already
      this.walker.show(await this.python.ask<Walk>("again", {}), position);
      this.tell();
    }
  }

  private tell(): void {
    const node = this.bar.selected;
    const { values, names, isLeaf } = this.walker.walk!;
    if (node === null) return;
    const root = values!.length - 1;
    const [now, then] = [Number(values![root]), Number(this.first[root])];
    const isHeld = this.changed.has(node) && !isLeaf![node];
    const held = isHeld ? `${names![node]} is held: it passes nothing on to its operands. ` : "";
    const effect = now === then ? "" : `${names![root]} = ${short(now)}, was ${short(then)}`;
    const before = this.changed.has(node) ? short(Number(this.first[node])) : null;
    this.bar.show(values![node]!, before, held + effect);
  }

  // ---------------------------------------------------------------- the address

  private async link(at: number | null, forward: number | null, code = this.codeThatRan): Promise<void> {
    if (isTraining()) return; // the address is that of the training
    const exercise = this.exercise?.name ?? null;
    history.replaceState(null, "", await link.written({ code, at, forward, exercise }));
  }

  /** Show a program in place of the one that is there, at a step of its walk. */
  async openCode(code: string, at: number | null): Promise<void> {
    this.open(null);
    this.editor.code = code;
    if (this.isRunning) this.stop();
    while (this.isRunning) await new Promise((resolve) => setTimeout(resolve));
    await this.run({ at });
  }

  private async follow(hash: string): Promise<void> {
    const linked = await link.read(hash);
    if (linked.code !== null && linked.code !== this.editor.code) {
      this.editor.code = linked.code;
      if (this.isRunning) this.stop();
      while (this.isRunning) await new Promise((resolve) => setTimeout(resolve));
      await this.run(linked);
    } else if (linked.at !== null) this.walker.go(linked.at);
    else if (linked.forward !== null) this.walker.go(Math.min(-1, this.walker.lowest + linked.forward));
  }

  private edited(): void {
    if (this.isAdjusting || this.isStale || this.codeThatRan === null) return;
    this.isStale = true;
    this.editor.unmark();
    this.draw();
  }

  // ---------------------------------------------------------------- what stands where

  private print(text: string, kind = ""): void {
    const isAtEnd = this.output.scrollHeight - this.output.scrollTop - this.output.clientHeight < 4;
    const last = this.output.lastElementChild;
    if (last instanceof HTMLPreElement && last.dataset.kind === kind) last.append(text);
    else this.output.append(h("pre", { "data-kind": kind }, text));
    if (isAtEnd) this.output.scrollTop = this.output.scrollHeight;
  }

  private printMistake(mistake: Mistake): void {
    const { line } = mistake;
    const message = h("p", { class: "mistake" }, h("b", {}, mistake.message));
    if (line !== null) {
      message.append(" ", h("button", { type: "button", click: () => this.editor.focus(line) }, `line ${line}`));
    }
    const trace = h("details", {}, h("summary", {}, "Traceback"), h("pre", { "data-kind": "error" }, mistake.trace));
    this.output.append(message, trace);
    this.output.scrollTop = this.output.scrollHeight;
  }

  private told(state: State, detail: string): void {
    this.state = state;
    if (state === "broken") this.print(`Python does not start in this browser: ${detail}\n`, "error");
    this.draw();
  }

  private draw(): void {
    const isRunning = this.isRunning;
    this.runButton.replaceChildren(icon(isRunning ? STOP : PLAY), isRunning ? "Stop" : "Run");
    this.runButton.classList.toggle("stops", isRunning);
    this.judgeButton.disabled = isRunning;
    const ready = this.isStale ? "The code has changed: run it again." : matchMedia("(hover: hover)").matches ? "Ctrl+Enter runs it." : "";
    const texts: Record<State, string> = { starting: "Python starts …", ready, busy: "Running …", broken: "Python does not start" };
    this.status.textContent = texts[this.state];
    document.documentElement.dataset.state = isRunning && this.state === "ready" ? "busy" : this.state;
  }
}

/** A number in few digits, as the walk shows it. */
function short(number: number): string {
  return literal(Number(number.toPrecision(4))).replace("-", "−");
}

function changeTheme(): void {
  const root = document.documentElement;
  const isDark = root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  root.dataset.theme = isDark ? "light" : "dark";
}

async function open(): Promise<void> {
  const root = document.getElementById("lab")!;
  try {
    addTraining(root, new Lab(root, await link.read(location.hash)));
  } catch (error) {
    root.append(h("p", { class: "notice", role: "alert" }, (error as Error).message));
    addTraining(root, new Lab(root, { code: null, at: null, forward: null, exercise: null }));
  }
}

void open();
