// The network of a training: a circle for each neuron, a line for each weight, blue above 0 and orange below.

import { h } from "./dom";
import { ABOVE, BELOW } from "./plots";

const SPACE = "http://www.w3.org/2000/svg";
const [WIDTH, HEIGHT, MARGIN] = [520, 300, 26];
const FEW = 30; // weights: so many have their numbers all the time
export const short = (x: number, digits = 3) => {
  const text = Number.isFinite(x) ? String(Number(x.toPrecision(digits))) : String(x);
  return text.replace("-", "−");
};

function svg(tag: string, attributes: Record<string, string | number>, ...children: (Element | string)[]): SVGElement {
  const element = document.createElementNS(SPACE, tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, String(value));
  element.append(...children);
  return element;
}

/** What stays the same is not painted again. */
const set = (element: Element, name: string, value: string) => {
  if (element.getAttribute(name) !== value) element.setAttribute(name, value);
};

export interface Weight {
  parameter: number; // its place among the parameters
  layer: number; // of the neuron that it leads to, from 1
  neuron: number;
  from: number | null; // the neuron before; null for the bias
}

export class Network {
  readonly element = svg("svg", { class: "network", role: "group", "aria-label": "The network", viewBox: `0 0 ${WIDTH} ${HEIGHT}` });
  private sizes: number[] = [];
  private weights: Weight[] = [];
  private lines: (SVGElement | null)[] = [];
  private numbers: (SVGElement | null)[] = [];
  private theta: number[] = [];
  chosen: [layer: number, neuron: number] = [1, 0];

  constructor(private readonly onNeuron: () => void) {
    this.element.addEventListener("keydown", (event) => this.pressed(event as KeyboardEvent));
  }

  /** Lay out another network. */
  form(sizes: number[]): void {
    this.sizes = sizes;
    this.weights = [];
    for (let layer = 1; layer < sizes.length; layer++) {
      for (let neuron = 0; neuron < sizes[layer]!; neuron++) {
        for (let from = 0; from < sizes[layer - 1]!; from++) this.weights.push({ parameter: this.weights.length, layer, neuron, from });
        this.weights.push({ parameter: this.weights.length, layer, neuron, from: null });
      }
    }
    this.chosen = [1, 0];
    const lines = svg("g", {});
    this.lines = this.weights.map(({ layer, neuron, from }) => {
      if (from === null) return null;
      const [[x1, y1], [x2, y2]] = [this.at(layer - 1, from), this.at(layer, neuron)];
      const line = svg("line", { x1, y1, x2, y2 });
      lines.append(line);
      return line;
    });
    const circles = svg("g", {});
    sizes.forEach((size, layer) => {
      for (let neuron = 0; neuron < size; neuron++) {
        const [x, y] = this.at(layer, neuron);
        const circle = svg("circle", { cx: x, cy: y, r: this.radius(layer), id: `neuron_${layer}_${neuron}` });
        if (layer > 0) {
          circle.setAttribute("role", "button");
          circle.setAttribute("aria-label", this.name(layer, neuron));
          circle.addEventListener("click", () => this.choose(layer, neuron));
        }
        circles.append(circle);
        if (layer === 0) circles.append(svg("text", { x: x - 12, y: y + 5, "text-anchor": "end" }, "xy"[neuron]!));
      }
    });
    this.numbers = this.weights.map(() => null);
    const texts = svg("g", { class: "numbers" });
    this.element.replaceChildren(lines, circles, texts);
    this.mark();
  }

  name(layer: number, neuron: number): string {
    if (layer === 0) return "xy"[neuron]!;
    return layer === this.sizes.length - 1 ? "the output" : `neuron ${neuron + 1} of layer ${layer}`;
  }

  /** The weights and the bias of the neuron that is chosen. */
  get incoming(): Weight[] {
    const [layer, neuron] = this.chosen;
    return this.weights.filter((weight) => weight.layer === layer && weight.neuron === neuron);
  }

  private at(layer: number, neuron: number): [number, number] {
    const size = this.sizes[layer]!;
    const x = MARGIN + (layer / (this.sizes.length - 1)) * (WIDTH - 2 * MARGIN);
    return [x, (HEIGHT * (neuron + 0.5)) / size];
  }

  private radius(layer: number): number {
    return Math.min(9, (0.42 * HEIGHT) / this.sizes[layer]!);
  }

  private choose(layer: number, neuron: number): void {
    this.chosen = [layer, neuron];
    this.mark();
    this.show(this.theta);
    this.onNeuron();
  }

  private pressed(event: KeyboardEvent): void {
    const moves: Record<string, [number, number]> = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
    const move = moves[event.key];
    if (!move) return;
    event.preventDefault();
    event.stopPropagation();
    const layer = Math.min(Math.max(this.chosen[0] + move[0], 1), this.sizes.length - 1);
    const neuron = Math.min(Math.max(this.chosen[1] + move[1], 0), this.sizes[layer]! - 1);
    this.choose(layer, neuron);
    this.element.querySelector<SVGElement>(`#neuron_${layer}_${neuron}`)!.focus();
  }

  private mark(): void {
    const [layer, neuron] = this.chosen;
    for (const circle of this.element.querySelectorAll("circle[role]")) {
      const isChosen = circle.id === `neuron_${layer}_${neuron}`;
      circle.classList.toggle("is-chosen", isChosen);
      circle.setAttribute("tabindex", isChosen ? "0" : "-1");
      circle.setAttribute("aria-pressed", String(isChosen));
    }
    const texts = this.element.querySelector(".numbers")!;
    texts.replaceChildren();
    const isFew = this.weights.length <= FEW;
    const incoming = new Set(this.incoming);
    this.numbers = this.weights.map((weight) => {
      const isChosen = incoming.has(weight);
      const { parameter, from, layer: to, neuron: end } = weight;
      this.lines[parameter]?.classList.toggle("is-chosen", isChosen);
      if (from === null || !(isFew || isChosen)) return null;
      const [[x1, y1], [x2, y2]] = [this.at(to - 1, from), this.at(to, end)];
      const share = isChosen ? 0.3 : 0.5; // near where the lines are apart
      const text = svg("text", { x: x1 + (x2 - x1) * share, y: y1 + (y2 - y1) * share + 4, "text-anchor": "middle" });
      texts.append(text);
      return text;
    });
  }

  /** Show these parameters. */
  show(theta: number[]): void {
    this.theta = theta;
    let largest = 1e-12;
    for (const { parameter, from } of this.weights) if (from !== null) largest = Math.max(largest, Math.abs(theta[parameter]!));
    this.weights.forEach(({ parameter }) => {
      const number = theta[parameter]!;
      const line = this.lines[parameter];
      if (line) {
        set(line, "stroke", number > 0 ? ABOVE : BELOW);
        set(line, "stroke-width", (0.4 + 4.6 * Math.sqrt(Math.abs(number) / largest)).toFixed(1));
      }
      const text = this.numbers[parameter];
      if (text) text.textContent = short(number, 2);
    });
  }
}

/** The size of the gradient of each layer, on a scale of powers of ten. */
export class Gradients {
  readonly element = h("div", { class: "gradients" });
  private rows: { bar: HTMLElement; number: HTMLElement }[] = [];

  form(layers: number): void {
    this.rows = Array.from({ length: layers }, () => ({ bar: h("i", {}), number: h("b", {}) }));
    this.element.replaceChildren(
      ...this.rows.map(({ bar, number }, i) =>
        h("p", {}, h("span", {}, i === layers - 1 ? "output" : `layer ${i + 1}`), h("span", { class: "track" }, bar), number),
      ),
    );
  }

  show(norms: number[]): void {
    norms.forEach((norm, i) => {
      const share = Math.min(1, Math.max(0, (Math.log10(norm) + 5) / 7)); // from 10⁻⁵ to 10²
      const { bar, number } = this.rows[i]!;
      bar.style.width = `${100 * share}%`;
      number.textContent = short(norm);
    });
  }
}
