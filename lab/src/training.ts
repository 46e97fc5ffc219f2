// A training one can watch: the plane, the loss, the network, live; back to any moment, and into any example.

import { h, icon } from "./dom";
import { Gradients, Network, short, type Weight } from "./network";
import { Stopped } from "./python";
import { drawCurve, drawPlane, forget, stepAt, type Extent, type Plane } from "./plots";

interface Asking {
  ask<T>(name: string, given: object): Promise<T>;
}

interface Settings {
  data: string;
  count: number;
  noise: number;
  text: string;
  layers: number[];
  activation: string;
  loss: string;
  optimizer: string;
  rate: number;
  batch: number | null;
  dropout: number;
  weight_decay: number;
  seed: number;
}

interface Described {
  mistake: string | null;
  places: [number, number][];
  labels: number[];
  names: [string, string];
  note: string;
  extent: Extent;
  sizes: number[];
}

interface Seen {
  step: number;
  theta: (number | string)[];
  norms: (number | string)[];
  scores: (number | null)[]; // null for nan
  side: number;
  grid: (number | null)[];
  batch: number;
}

interface Trained extends Seen {
  newest: number;
  stride: number;
  losses: (number | string)[];
  problem: string;
}

interface Pull {
  step: number;
  value: number | string;
  gradient: number | string;
  change: number | string | null;
  contributions: [example: number, slope: number | string][];
}

const DEFAULTS: Settings = {
  data: "moons", count: 100, noise: 0.1, text: "", layers: [8, 8], activation: "tanh", loss: "binary_cross_entropy",
  optimizer: "Adam", rate: 0.03, batch: null, dropout: 0, weight_decay: 0, seed: 0,
}; // prettier-ignore
const DATA = { moons: "two moons", circles: "circles", spirals: "spirals", xor: "XOR", own: "points of your own" };
const ACTIVATIONS = ["tanh", "relu", "sigmoid", "leaky_relu", "gelu", "linear"];
const LOSSES = { binary_cross_entropy: "cross-entropy", hinge: "hinge", square_error: "squared error" };
const OPTIMIZERS = ["gradient descent", "momentum", "Adagrad", "RMSprop", "Adadelta", "Adam", "AdamW", "NAdam"];
const NOISE: Record<string, number> = { moons: 0.1, circles: 0.1, spirals: 0.03, xor: 0.05 };
const SPEEDS = { 1: "1 step", 5: "5 steps", 25: "25 steps", 1000: "as many as fit" };
const SECONDS = 0.03; // of steps for a picture
const PULLS = 5; // examples that are named
const PLAY = "M4 2v12l10-6z";
const PAUSE = "M3 2h4v12H3zM9 2h4v12H9z";
const NEXT = "M3 2v12l8-6zM11 2h2v12h-2z";
const FIRST = "M3 2h2v12H3zM13 2v12L5 8z";

const named = <T extends string>(choices: Record<T, string> | string[]) =>
  (Array.isArray(choices) ? choices.map((name) => [name, name]) : Object.entries(choices)) as [string, string][];
const whole = (count: number, what: string) => `${count.toLocaleString("en")} ${what}${count === 1 ? "" : "s"}`;

/** The view; `openCode` shows a program in the view of code, at a step of its walk. */
export class TrainingView {
  readonly element = h("section", { class: "training", "aria-label": "Training" });
  isShown = false;
  private settings: Settings = { ...DEFAULTS };
  private described: Described | null = null;
  private seen: Seen | null = null; // the moment that is shown
  private losses: number[] = [];
  private newest = 0;
  private stride = 1;
  private problem = "";
  private goal = 0; // the step to come to, from a link
  private isPlaying = false;
  private isLooping = false;
  private edition = 0; // of the settings: an answer about earlier ones is late
  private chosen: number | null = null;
  private weight: Weight | null = null;
  private cross: [number, number] | null = null;
  private scrubbing: number | null = null; // the newest wish, while a moment is fetched
  private isFetching = false;
  private isBack = false; // an earlier moment is wished for: the last steps that were asked for are not shown
  private pictures = 0;

  private readonly fields = new Map<keyof Settings, HTMLInputElement | HTMLSelectElement | HTMLTextAreaElement>();
  private readonly mistake = h("p", { class: "mistake-note", role: "alert", hidden: true });
  private readonly note = h("p", { class: "quiet", hidden: true });
  private readonly canvas = h("canvas", { class: "plane", tabindex: "0", role: "application", "aria-describedby": "plane_now plane_keys" });
  private readonly curve = h("canvas", { class: "curve", role: "img" });
  private readonly play = h("button", { type: "button", class: "train-button" });
  private readonly next = h("button", { type: "button", class: "icon-button", title: "One step", "aria-label": "One step" }, icon(NEXT));
  private readonly restart = h("button", { type: "button", class: "icon-button", title: "Start anew", "aria-label": "Start anew" }, icon(FIRST));
  private readonly speed = h("select", { "aria-label": "Steps for each picture" });
  private readonly slider = h("input", { type: "range", min: "0", max: "0", value: "0", "aria-label": "The moment: steps before it" });
  private readonly facts = h("p", { class: "facts", id: "plane_now" }, "Python starts …");
  private readonly kept = h("small", { class: "quiet" });
  private readonly pen = h("div", { class: "pen", role: "radiogroup", "aria-label": "A click on the plane" });
  private readonly example = h("div", { class: "example", "aria-live": "polite" });
  private readonly neuron = h("div", { class: "neuron" });
  private readonly why = h("div", { class: "why", "aria-live": "polite" });
  private readonly network: Network;
  private readonly gradients = new Gradients();

  constructor(
    private readonly python: Asking,
    private readonly openCode: (code: string, at: number | null) => void,
  ) {
    this.network = new Network(() => {
      this.weight = null;
      this.why.replaceChildren();
      this.drawNeuron();
    });
    this.build();
    this.play.addEventListener("click", () => this.toggle());
    this.next.addEventListener("click", () => this.start(this.advance()));
    this.restart.addEventListener("click", () => this.start(this.begin()));
    this.slider.addEventListener("input", () => this.scrub(Number(this.slider.value)));
    const onCurve = (event: PointerEvent) => event.buttons & 1 && this.described && this.scrub(stepAt(this.curve, event.clientX, this.newest));
    for (const kind of ["pointerdown", "pointermove"] as const) this.curve.addEventListener(kind, onCurve);
    this.canvas.addEventListener("click", (event) => this.clicked(event));
    this.canvas.addEventListener("keydown", (event) => this.pressedOnPlane(event));
    this.canvas.addEventListener("blur", () => ((this.cross = null), this.draw()));
    this.element.addEventListener("keydown", (event) => this.pressed(event));
    addEventListener("keydown", (event) => this.isShown && !this.element.contains(event.target as Node) && this.pressed(event), { capture: true });
    new ResizeObserver(() => this.draw()).observe(this.canvas);
    new MutationObserver(() => (forget(), this.draw())).observe(document.documentElement, { attributeFilter: ["data-theme"] });
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => (forget(), this.draw()));
  }

  // ---------------------------------------------------------------- what stands where

  private build(): void {
    const choice = (name: keyof Settings, label: string, choices: [string, string][]) => {
      const select = h("select", { name }, ...choices.map(([value, text]) => h("option", { value }, text)));
      return this.field(name, label, select);
    };
    const entry = (name: keyof Settings, label: string, hint = "") =>
      this.field(name, label, h("input", { name, type: "text", inputmode: name === "layers" ? "text" : "decimal", autocomplete: "off", placeholder: hint }));
    const own = h("textarea", { name: "text", rows: "5", spellcheck: "false", placeholder: "x, y, label\n0.5, -1.2, 1" });
    const form = h(
      "form",
      { class: "settings", "aria-label": "Settings" },
      choice("data", "Data", named(DATA)),
      h("div", { class: "made" }, entry("count", "Points"), entry("noise", "Noise")),
      this.field("text", "Points: x, y, label in each line", own),
      entry("layers", "Hidden layers"),
      choice("activation", "Activation", named(ACTIVATIONS)),
      choice("loss", "Loss", named(LOSSES)),
      choice("optimizer", "Optimizer", named(OPTIMIZERS)),
      h("div", { class: "made" }, entry("rate", "Rate"), entry("batch", "Batch", "all")),
      h("div", { class: "made" }, entry("dropout", "Dropout"), entry("weight_decay", "Weight decay")),
      entry("seed", "Seed"),
    );
    form.addEventListener("change", () => this.changed());
    form.addEventListener("submit", (event) => event.preventDefault());

    for (const [steps, text] of named(SPEEDS)) this.speed.append(h("option", { value: steps }, text));
    const pens = { choose: "Choose", above: "Add ●", below: "Add ■", remove: "Remove" };
    const keys = { choose: "0", above: "1", below: "2", remove: "Delete" };
    for (const [value, text] of Object.entries(pens)) {
      const radio = h("input", { type: "radio", name: "pen", value });
      radio.checked = value === "choose";
      this.pen.append(h("label", { title: `key ${keys[value as keyof typeof keys]}` }, radio, h("span", {}, text)));
    }
    const clear = h("button", { type: "button", class: "small" }, "Clear");
    clear.addEventListener("click", () => this.setPoints([]));
    this.pen.append(clear);

    const save = h("button", { type: "button" }, "Save as Python");
    const open = h("button", { type: "button" }, "Open as Python");
    save.addEventListener("click", () => this.start(this.export(false)));
    open.addEventListener("click", () => this.start(this.export(true)));
    const keysOfPlane = "Arrow keys move a cross over the plane. Enter chooses the point next to it, 1 and 2 add a point, Delete removes one.";
    this.element.append(
      form,
      h(
        "div",
        { class: "stage" },
        h("div", { class: "train-controls" }, this.play, this.next, this.restart, h("label", { class: "speed" }, "a picture for", this.speed)),
        this.mistake,
        this.note,
        h("div", { class: "scrub" }, this.slider, this.facts, this.kept),
        this.canvas,
        h("p", { class: "unseen", id: "plane_keys" }, keysOfPlane),
        this.pen,
        this.example,
      ),
      h(
        "div",
        { class: "insight" },
        h("h2", {}, "Loss"),
        this.curve,
        h("h2", {}, "Network"),
        this.network.element,
        this.neuron,
        this.why,
        h("h2", {}, "Gradient of each layer"),
        this.gradients.element,
        h("div", { class: "export" }, save, open),
      ),
    );
    this.drawPlay();
  }

  private field(name: keyof Settings, label: string, input: HTMLInputElement | HTMLSelectElement | HTMLTextAreaElement): HTMLElement {
    this.fields.set(name, input);
    return h("label", { class: `field of-${name}` }, h("span", {}, label), input);
  }

  private fill(): void {
    for (const [name, input] of this.fields) {
      const value = this.settings[name];
      input.value = Array.isArray(value) ? value.join(", ") : value === null ? "" : String(value);
    }
    this.drawForm();
  }

  private drawForm(): void {
    const isOwn = this.settings.data === "own";
    this.element.querySelector<HTMLElement>(".settings .made")!.hidden = isOwn;
    this.element.querySelector<HTMLElement>(".of-text")!.hidden = !isOwn;
  }

  // ---------------------------------------------------------------- settings

  /** Show the training that a link describes, or as it was. */
  show(hash: string): void {
    this.isShown = true;
    this.drawForm();
    const parts = new URLSearchParams(hash.replace(/^#/, ""));
    if (parts.has("train") && hash !== this.hash()) {
      const settings: Settings = { ...DEFAULTS, data: parts.get("train") || DEFAULTS.data };
      for (const name of Object.keys(DEFAULTS) as (keyof Settings)[]) {
        const text = parts.get(name);
        if (text !== null && name !== "data") Object.assign(settings, { [name]: parsed(name, text) });
      }
      this.settings = settings;
      this.goal = Math.min(Number(parts.get("steps")) || 0, 100_000);
      this.start(this.begin(this.goal));
    } else if (!this.described) this.start(this.begin());
    else this.draw();
  }

  hide(): void {
    this.isShown = false;
    this.pause();
  }

  /** The address of the training as it is. */
  hash(): string {
    const parts = new URLSearchParams({ train: this.settings.data });
    for (const [name, value] of Object.entries(this.settings)) {
      if (name === "data" || String(value) === String(DEFAULTS[name as keyof Settings])) continue;
      if ((name === "text") !== (this.settings.data === "own") && ["text", "count", "noise"].includes(name)) continue;
      parts.set(name, value === null ? "" : Array.isArray(value) ? value.join("-") : String(value));
    }
    if (this.newest) parts.set("steps", String(this.newest));
    return `#${parts}`;
  }

  private link(): void {
    if (this.isShown) history.replaceState(null, "", this.hash());
  }

  private changed(): void {
    const before = this.settings;
    const settings = { ...before };
    for (const [name, input] of this.fields) Object.assign(settings, { [name]: parsed(name, input.value) });
    if (settings.data === "own" && before.data !== "own") settings.text = this.asText(this.points());
    else if (settings.data !== before.data) settings.noise = NOISE[settings.data] ?? settings.noise;
    if (JSON.stringify(settings) === JSON.stringify(before)) return;
    this.settings = settings;
    this.start(this.begin());
  }

  /** Start from the first step, with the settings as they are; go on at once where it played. */
  private async begin(goal = 0): Promise<void> {
    const edition = ++this.edition;
    this.isBack = false;
    this.fill();
    this.goal = goal;
    const described = await this.python.ask<Described>("training", { settings: this.settings }).catch((error) => {
      if (edition === this.edition) this.described = null; // to be described when it is shown again
      throw error;
    });
    if (edition !== this.edition) return;
    this.mistake.hidden = described.mistake === null;
    this.mistake.textContent = described.mistake;
    this.note.hidden = !described.note;
    this.note.textContent = described.note ?? "";
    this.chosen = this.weight = null;
    this.why.replaceChildren();
    if (described.mistake !== null) {
      this.pause();
      if (this.described && this.settings.data === "own") {
        const points = loose(this.settings.text, this.described.names);
        this.described = { ...this.described, places: points.map(({ place }) => place), labels: points.map(({ label }) => label) };
        this.seen = this.seen && { ...this.seen, scores: [], grid: this.seen.grid.map(() => 0) };
      }
      this.draw();
      this.link();
      return;
    }
    this.described = described;
    this.losses = [];
    this.newest = 0;
    this.network.form(described.sizes);
    this.gradients.form(described.sizes.length - 1);
    this.take(await this.ask(0), edition);
    if (edition !== this.edition) return;
    this.drawNeuron();
    this.link();
    if (this.isPlaying || this.goal) this.start(this.loop());
  }

  // ---------------------------------------------------------------- steps

  /** Do what asks Python; where Python is stopped meanwhile, that is no error: it is asked again when need be. */
  private start(asking: Promise<void>): void {
    asking.catch((error) => {
      if (!(error instanceof Stopped)) throw error;
    });
  }

  private toggle(): void {
    if (!this.described) this.start(this.begin());
    if (this.isPlaying) this.pause();
    else {
      this.isPlaying = true;
      this.isBack = false;
      this.forgetPull();
      this.drawPlay();
      this.start(this.loop());
    }
  }

  private pause(): void {
    if (!this.isPlaying && !this.goal) return;
    this.isPlaying = false;
    this.goal = 0;
    this.drawPlay();
    if (!this.isLooping) this.link();
  }

  private async advance(): Promise<void> {
    this.pause();
    while (this.isLooping) await new Promise((resolve) => requestAnimationFrame(resolve));
    this.isBack = false;
    this.forgetPull();
    this.take(await this.ask(this.newest + 1), this.edition);
    this.link();
  }

  private get goesOn(): boolean {
    return (this.isPlaying || this.newest < this.goal) && this.isShown && !this.problem && this.mistake.hidden;
  }

  /** Take steps and draw, until there is nothing to play; the next steps are taken while a picture is drawn. */
  private async loop(): Promise<void> {
    if (this.isLooping) return;
    this.isLooping = true;
    try {
      let [edition, asked] = [this.edition, this.goesOn ? this.ask(this.following) : null];
      while (asked) {
        const trained: Trained = await asked;
        if (edition === this.edition) this.learn(trained);
        const isTaken = edition === this.edition;
        [edition, asked] = [this.edition, this.goesOn ? this.ask(this.following) : null];
        if (isTaken && !this.isBack) this.draw();
        await new Promise((resolve) => requestAnimationFrame(resolve));
      }
      if (this.goal && this.newest >= this.goal) this.goal = 0;
      if (this.problem) this.isPlaying = false;
    } finally {
      this.isLooping = false;
      this.drawPlay();
    }
    if (this.goesOn) return this.loop(); // it was paused and played again meanwhile
    if (!this.isShown) return;
    this.link();
    if (!this.isBack) this.scrubbing = this.newest; // at rest, as fine as it can be
    this.start(this.fetch());
  }

  private get following(): number {
    return this.goal || this.newest + Number(this.speed.value);
  }

  private async ask(to: number): Promise<Trained> {
    const given = { settings: this.settings, to, seconds: SECONDS, since: this.losses.length };
    try {
      return await this.python.ask<Trained>("train", given);
    } catch (error) {
      this.isPlaying = false; // Python was stopped; it takes the steps again when it is asked
      this.goal = 0;
      throw error;
    }
  }

  private take(trained: Trained, edition: number): void {
    if (edition !== this.edition) return;
    this.learn(trained);
    this.draw();
  }

  private learn(trained: Trained): void {
    for (const loss of trained.losses) this.losses.push(Number(loss));
    ({ newest: this.newest, stride: this.stride, problem: this.problem } = trained);
    this.slider.max = String(this.newest);
    if (!this.isBack) this.seen = trained;
  }

  private forgetPull(): void {
    if (!this.weight) return;
    this.weight = null;
    this.why.replaceChildren();
    this.drawNeuron();
  }

  private scrub(step: number): void {
    this.pause();
    this.isBack = true;
    this.scrubbing = step;
    this.start(this.fetch());
  }

  // One moment at a time: of those that are wished for meanwhile, the newest.
  private async fetch(): Promise<void> {
    if (this.isFetching) return;
    this.isFetching = true;
    try {
      while (this.scrubbing !== null) {
        const [step, edition] = [this.scrubbing, this.edition];
        this.scrubbing = null;
        const seen = await this.python.ask<Seen>("moment", { settings: this.settings, step });
        if (edition !== this.edition) continue;
        if (this.isPlaying) continue;
        const isAnother = seen.step !== this.seen?.step;
        this.seen = seen;
        if (isAnother) this.forgetPull();
        this.draw();
      }
    } finally {
      this.isFetching = false;
    }
  }

  // ---------------------------------------------------------------- points

  private points(): { place: [number, number]; label: number }[] {
    const { places, labels } = this.described ?? { places: [], labels: [] };
    return places.map((place, i) => ({ place, label: labels[i]! }));
  }

  private asText(points: { place: [number, number]; label: number }[]): string {
    const [below, above] = this.described?.names ?? ["-1", "1"];
    return points.map(({ place: [x, y], label }) => `${x}, ${y}, ${label > 0 ? above : below}`).join("\n");
  }

  private setPoints(points: { place: [number, number]; label: number }[]): void {
    this.settings = { ...this.settings, data: "own", text: this.asText(points) };
    this.start(this.begin());
  }

  private clicked(event: MouseEvent): void {
    if (!this.described) return;
    const pen = this.pen.querySelector<HTMLInputElement>("input:checked")!.value;
    const box = this.canvas.getBoundingClientRect();
    const [left, low, width] = this.described.extent;
    const x = left + ((event.clientX - box.left) / box.width) * width;
    const y = low + (1 - (event.clientY - box.top) / box.height) * width;
    this.act(pen, [x, y]);
  }

  private act(pen: string, place: [number, number]): void {
    const points = this.points();
    if (pen === "above" || pen === "below") {
      const rounded = place.map((x) => Number(x.toFixed(2))) as [number, number];
      this.setPoints([...points, { place: rounded, label: pen === "above" ? 1 : -1 }]);
      return;
    }
    if (!points.length) return;
    const away = points.map((point) => Math.hypot(point.place[0] - place[0], point.place[1] - place[1]));
    const nearest = away.indexOf(Math.min(...away));
    if (pen === "remove") this.setPoints(points.filter((_, i) => i !== nearest));
    else {
      this.chosen = nearest;
      this.draw();
    }
  }

  private pressedOnPlane(event: KeyboardEvent): void {
    if (!this.described || event.ctrlKey || event.metaKey || event.altKey) return;
    const [left, low, width] = this.described.extent;
    const pens: Record<string, string> = { Enter: "choose", "0": "choose", "1": "above", "2": "below", Delete: "remove", Backspace: "remove" };
    const moves: Record<string, [number, number]> = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] };
    const cross: [number, number] = this.cross ?? [left + width / 2, low + width / 2];
    const move = moves[event.key];
    const pen = pens[event.key];
    if (move) {
      const step = width / (event.shiftKey ? 8 : 40);
      const within = (x: number, from: number) => Math.min(Math.max(x, from), from + width);
      this.cross = [within(cross[0] + step * move[0], left), within(cross[1] + step * move[1], low)];
      this.draw();
    } else if (pen) this.act(pen, cross);
    else return;
    event.preventDefault();
    event.stopPropagation();
  }

  private pressed(event: KeyboardEvent): void {
    const isTyped = (event.target as Element).closest?.("input, select, textarea");
    event.stopPropagation(); // the walk is not to be seen
    const isPlain = !event.ctrlKey && !event.metaKey && !event.altKey;
    if (isTyped || !isPlain || event.defaultPrevented) return;
    if (event.key === " " && !(event.target as Element).closest?.("button, [role=button]")) this.toggle();
    else if (event.key === "ArrowRight") this.start(this.advance());
    else if (event.key === "ArrowLeft") this.scrub(Math.max(0, (this.seen?.step ?? 0) - this.stride));
    else if (event.key === "Home") this.scrub(0);
    else if (event.key === "End") this.scrub(this.newest);
    else return;
    event.preventDefault();
  }

  // ---------------------------------------------------------------- into an example

  private async walk(example: number, parameter: number | null): Promise<void> {
    this.pause();
    const given = { settings: this.settings, step: this.seen!.step, example, parameter };
    const { code, at } = await this.python.ask<{ code: string; at: number | null }>("example", given);
    this.openCode(code, at);
  }

  private async pull(weight: Weight): Promise<void> {
    this.pause();
    this.weight = weight;
    this.drawNeuron();
    const edition = this.edition;
    const given = { settings: this.settings, step: this.seen!.step, parameter: weight.parameter };
    const pull = await this.python.ask<Pull>("pull", given);
    if (edition === this.edition && this.weight === weight) this.drawPull(weight, pull);
  }

  private async export(isOpened: boolean): Promise<void> {
    this.pause();
    const code = await this.python.ask<string>("script", { settings: this.settings, steps: this.newest });
    if (isOpened) this.openCode(code, null);
    else {
      const address = URL.createObjectURL(new Blob([code], { type: "text/x-python" }));
      h("a", { href: address, download: "training.py" }).click();
      setTimeout(() => URL.revokeObjectURL(address), 10_000);
    }
  }

  // ---------------------------------------------------------------- drawing

  private drawPlay(): void {
    const isOn = this.isPlaying || this.goal > 0;
    this.play.replaceChildren(icon(isOn ? PAUSE : PLAY), isOn ? "Pause" : "Train");
    this.element.dataset.state = isOn || this.isLooping ? "playing" : "still"; // still: the last steps have been drawn
  }

  private draw(): void {
    const { described, seen } = this;
    if (!described || !seen || !this.isShown || !this.canvas.clientWidth) return;
    const { extent, places, labels } = described;
    const { side, grid, scores } = seen;
    const plane: Plane = { extent, places, labels, scores, side, grid, chosen: this.chosen, cross: this.cross };
    drawPlane(this.canvas, plane);
    drawCurve(this.curve, this.losses, seen.step);
    const theta = seen.theta.map(Number);
    this.network.show(theta);
    this.gradients.show(seen.norms.map(Number));
    this.updateNeuron(theta);
    this.slider.value = String(seen.step);
    this.slider.setAttribute("aria-valuetext", whole(seen.step, "step"));
    const right = scores.filter((score, i) => (score ?? 0) * labels[i]! > 0).length;
    const loss = this.losses[seen.step];
    const of = seen.batch < places.length ? ` of the next ${seen.batch}` : "";
    const known = `${whole(seen.step, "step")} · loss ${loss === undefined ? "" : short(loss)}${of} · ${right} of ${places.length} right`;
    this.facts.textContent = !this.mistake.hidden ? "" : this.problem && seen.step === this.newest ? this.problem : known;
    this.facts.classList.toggle("is-wrong", this.problem !== "" && seen.step === this.newest);
    this.kept.textContent = this.stride === 1 ? "" : `Each ${ordinal(this.stride)} moment is kept, so that the history stays small.`;
    this.canvas.setAttribute("aria-label", `The plane: ${whole(places.length, "point")} of two classes, and the line where the score is 0`);
    this.curve.setAttribute("aria-label", `The loss of each of ${whole(this.newest, "step")}, ${loss === undefined ? "" : short(loss)} now`);
    this.drawExample(scores);
    this.element.dataset.pictures = String(++this.pictures);
    this.element.dataset.step = String(seen.step);
  }

  private drawExample(scores: (number | null)[]): void {
    const example = this.chosen;
    if (example === null || !this.described) {
      this.example.replaceChildren(h("span", { class: "quiet" }, "Click on a point to see its gradient."));
      return;
    }
    const { places, labels, names } = this.described;
    const [score, label, [x, y]] = [scores[example], labels[example]!, places[example]!];
    const isRight = (score ?? 0) * label > 0;
    const text = `Example ${example} at (${short(x)}, ${short(y)}) is ${label > 0 ? "●" : "■"} ${names[label > 0 ? 1 : 0]}.`;
    const verdict = score === undefined ? "" : ` Its score is ${short(score ?? NaN)}: on the ${isRight ? "right" : "wrong"} side of 0. `;
    const shown = this.example.querySelector("span");
    if (shown && this.example.dataset.example === String(example)) shown.textContent = text + verdict; // the button keeps the focus
    else {
      const walk = h("button", { type: "button" }, "Walk its backward pass");
      walk.addEventListener("click", () => this.start(this.walk(example, null)));
      this.example.replaceChildren(h("span", {}, text + verdict), walk);
    }
    this.example.dataset.example = String(example);
  }

  /** The weights of the neuron that is chosen: a number each, and a question. */
  private drawNeuron(): void {
    const [layer, neuron] = this.network.chosen;
    const rows = this.network.incoming.map((weight) => {
      const name = weight.from === null ? "bias" : `from ${this.network.name(layer - 1, weight.from)}`;
      const ask = h("button", { type: "button", "aria-pressed": String(weight === this.weight), "aria-label": `Why does the weight ${name} move?` });
      ask.append(h("span", {}, name.replace(/^from | of layer \d+$/g, "")), h("b", { "data-parameter": String(weight.parameter) }));
      ask.addEventListener("click", () => this.start(this.pull(weight)));
      return h("li", {}, ask);
    });
    const title = this.network.name(layer, neuron);
    this.neuron.replaceChildren(
      h("p", {}, h("b", {}, title[0]!.toUpperCase() + title.slice(1)), h("span", { class: "quiet" }, " Click on a weight: why does it move?")),
      h("ul", {}, ...rows),
    );
    if (this.seen) this.updateNeuron(this.seen.theta.map(Number));
  }

  private updateNeuron(theta: number[]): void {
    for (const number of this.neuron.querySelectorAll<HTMLElement>("b[data-parameter]")) {
      number.textContent = short(theta[Number(number.dataset.parameter)]!);
    }
  }

  private drawPull(weight: Weight, pull: Pull): void {
    const [value, gradient] = [Number(pull.value), Number(pull.gradient)];
    const count = pull.contributions.length;
    const name = weight.from === null ? "The bias" : "The weight";
    const moved = pull.change === null
      ? h("p", {}, "The moment after this one is no longer kept, so the move is not shown.")
      : h("p", { class: "move" }, sum(value, Number(pull.change)));
    const direction = gradient === 0 ? "stays the same" : gradient > 0 ? "rises" : "falls";
    const pulls = pull.contributions.slice(0, PULLS).map(([example, slope]) => {
      const walk = h("button", { type: "button", "aria-label": `Walk the backward pass of example ${example}` }, h("span", {}, `example ${example}`), h("b", {}, short(Number(slope))));
      walk.addEventListener("click", () => this.start(this.walk(example, weight.parameter)));
      for (const kind of ["focus", "pointerenter"]) walk.addEventListener(kind, () => ((this.chosen = example), this.draw()));
      return h("li", {}, walk);
    });
    this.why.replaceChildren(
      moved,
      h("p", {}, `${name} moves in this step of ${this.settings.optimizer}. Its gradient is ${short(gradient)}: the loss ${direction} as it grows. `
        + (count === 1 ? "It comes from one example:" : `It is the mean over ${whole(count, "example")}. The largest contributions:`)),
      h("ul", {}, ...pulls),
    );
    this.why.scrollIntoView({ block: "nearest" });
  }
}

/** A sum with as many digits as show the change, and that is right as it is shown. */
function sum(value: number, change: number): string {
  const digits = change === 0 ? 4 : Math.min(12, Math.max(2, 2 - Math.floor(Math.log10(Math.abs(change)))));
  const [before, after] = [Number(value.toFixed(digits)), Number((value + change).toFixed(digits))];
  const text = (x: number) => x.toFixed(digits).replace("-", "−");
  return `${text(before)} ${change < 0 ? "−" : "+"} ${text(Math.abs(after - before))} = ${text(after)}`;
}

const ordinal = (n: number) => (n === 2 ? "second" : `${n}${n % 10 === 2 && n % 100 !== 12 ? "nd" : "th"}`);

/** What stands in a field, as Python takes it; text that is not a number stays text, which Python refuses with a reason. */
function parsed(name: keyof Settings, text: string): unknown {
  const number = (word: string) => (word.trim() !== "" && Number.isFinite(Number(word)) ? Number(word) : word);
  if (name === "layers") return text.split(/[\s,;-]+/).filter(Boolean).map(number);
  if (name === "batch" && /^(all)?$/.test(text.trim())) return null;
  return typeof DEFAULTS[name] === "string" ? text : number(text);
}

/** The points of a text from which no training can start yet. */
function loose(text: string, names: [string, string]): { place: [number, number]; label: number }[] {
  return text.split("\n").flatMap((line) => {
    const [x, y, label] = line.split(/[,;\t]/).map((cell) => cell.trim());
    const place: [number, number] = [Number(x || NaN), Number(y || NaN)];
    return place.every(Number.isFinite) && names.includes(label ?? "") ? [{ place, label: label === names[1] ? 1 : -1 }] : [];
  });
}
