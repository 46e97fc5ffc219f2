// The stepper of `page(x)`, mounted beside the code.

import { quiz } from "../../scalargrad/explain/html/quiz.js";
import { mount, type Shown, type Stepper } from "../../scalargrad/explain/html/stepper.js";

export type Place = [line: number, from: number, to: number];
export type Plain = number | string; // a number, or the name of one that JSON has not

export interface Walk {
  title: string;
  steps: number;
  nodes: number;
  position: number;
  refused?: string;
  markup?: string;
  // of each node:
  lines?: (number | null)[];
  names?: string[];
  values?: Plain[];
  isLeaf?: boolean[];
  literals?: (Place | null)[];
}

type Pair = [shown: string, exact: string];

/** All numbers of a walk whose graph is as it was. */
export interface Numbers {
  values: Plain[];
  nodes: Pair[];
  forward: [string, Pair][];
  backward: [before: Pair, upstream: Pair, local: Pair, product: Pair, after: Pair, earlier: string, colour: string][];
  held: number[];
}

const CELLS = ["before", "upstream", "local", "product", "after"] as const;
const FEW_PIXELS = 4; // a pointer that moves no further has clicked

export interface WalkEvents {
  onStep: (position: number, lowest: number, line: number | null) => void;
  onNode: (node: number) => void; // clicked
  onDrag: (node: number, pixels: number) => void; // a leaf is dragged so far to the right of where it was taken
  onDrop: () => void;
  onBox: (call: number, isOpen: boolean) => void; // a module that is drawn as a box, or open in a frame
}

/** The walk of the moment: its steps are linked to lines of code, and lines to its nodes. */
export class Walker {
  walk: Walk | null = null;
  private stepper: Stepper | null = null;
  private lastLine = -1;
  private nth = 0;
  private isDragging = false;
  isQuiz = false;

  constructor(
    private readonly element: HTMLElement,
    private readonly events: WalkEvents,
  ) {
    element.addEventListener("pointerdown", (event) => this.taken(event));
    element.addEventListener("click", (event) => this.isDragging && event.stopPropagation(), { capture: true });
  }

  /** Show a walk, at this position of it; below 0 is the forward pass, as the stepper counts. */
  show(walk: Walk, position: number, isQuiz = false): void {
    this.walk = walk;
    this.lastLine = -1;
    if (this.stepper && !isQuiz && !this.isQuiz) this.stepper.replace(walk.markup!, position);
    else {
      this.stepper?.unmount();
      this.stepper = null;
      const options = {
        markup: walk.markup!,
        at: position,
        keys: document,
        onStep: (step: Shown) => this.stepped(step),
        onNode: (node: number) => {
          this.stepper!.toNode(node);
          this.events.onNode(node);
        },
        onBox: this.events.onBox,
      };
      this.stepper = isQuiz ? quiz(this.element, { ...options, at: Math.max(0, position), focus: true }) : mount(this.element, options);
      this.isQuiz = isQuiz;
      this.stepper.go(isQuiz ? Math.max(0, position) : position);
    }
    walk.isLeaf!.forEach((isLeaf, place) => isLeaf && !isQuiz && this.node(place)?.classList.add("is-leaf"));
  }

  get lowest(): number {
    return this.stepper?.lowest ?? 0;
  }

  get position(): number {
    return this.stepper?.position ?? 0;
  }

  go(position: number): void {
    this.stepper?.go(position);
  }

  private node(place: number): Element | null {
    return this.element.querySelector(`#graph_node${place}`);
  }

  private stepped(step: Shown): void {
    const line = step.result === null ? null : (this.walk?.lines?.[step.result] ?? null);
    if (this.stepper) this.events.onStep(step.position, this.stepper.lowest, line);
  }

  /** The lines that made nodes. */
  get lines(): Set<number> {
    return new Set((this.walk?.lines ?? []).filter((line) => line !== null));
  }

  /** Go to a node that this line made; asked again for the same line, to the next one. */
  toLine(line: number): boolean {
    const places = (this.walk?.lines ?? []).flatMap((made, place) => (made === line ? [place] : [])).reverse();
    if (!this.stepper || places.length === 0) return false;
    this.nth = line === this.lastLine ? (this.nth + 1) % places.length : 0;
    this.lastLine = line;
    this.stepper.toNode(places[this.nth]!);
    return true;
  }

  // ---------------------------------------------------------------- other numbers

  /** Write other numbers into the walk: the graph, its layout and the step stay as they are. */
  update(numbers: Numbers): void {
    const rows = [...this.element.querySelectorAll<HTMLElement>(".backward tbody tr")];
    numbers.backward.forEach(([...given], i) => {
      const row = rows[i]!;
      CELLS.forEach((name, k) => write(row.querySelector(`.${name}`)!, given[k] as Pair));
      [row.dataset.earlier, row.dataset.colour] = [given[5], given[6]];
    });
    this.element.querySelectorAll(".forward tbody tr").forEach((row, i) => {
      const [operation, value] = numbers.forward[i]!;
      row.querySelector(".numbers")!.textContent = operation;
      write(row.querySelector(".value")!, value);
    });
    numbers.nodes.forEach(([shown], place) => {
      const text = this.walk!.isLeaf![place] ? valueOf(this.node(place)) : null; // others stand in the rows
      if (text) text.textContent = shown.replaceAll("−", "-"); // as in a card
    });
    const held = new Set(numbers.held);
    numbers.nodes.forEach((_, place) => this.node(place)?.classList.toggle("is-held", held.has(place)));
    this.walk!.values = numbers.values;
    this.stepper!.refresh();
  }

  // A leaf that is taken and drawn aside is a number that is changed.
  private taken(event: PointerEvent): void {
    this.isDragging = false;
    const card = (event.target as Element).closest?.(".node.is-leaf");
    if (!card || event.button !== 0) return;
    const [place, start] = [Number(card.id.slice("graph_node".length)), event.clientX];
    const moved = (next: PointerEvent) => {
      if (!this.isDragging && Math.abs(next.clientX - start) < FEW_PIXELS) return;
      this.isDragging = true;
      this.events.onDrag(place, next.clientX - start);
    };
    const dropped = () => {
      removeEventListener("pointermove", moved);
      removeEventListener("pointerup", dropped);
      removeEventListener("pointercancel", dropped);
      if (this.isDragging) this.events.onDrop();
    };
    addEventListener("pointermove", moved);
    addEventListener("pointerup", dropped);
    addEventListener("pointercancel", dropped);
  }
}

function write(cell: Element, [shown, exact]: Pair): void {
  if (Number(shown.replace("−", "-")) === Number(exact)) cell.textContent = shown;
  else {
    const rounded = document.createElement("span");
    rounded.title = exact;
    rounded.textContent = shown;
    cell.replaceChildren(rounded);
  }
}

/** The text of the value on a card: the last one before the gradient, or where there is none, the last. */
function valueOf(card: Element | null): Element | null {
  const texts = [...(card?.querySelectorAll("text") ?? [])];
  const gradient = texts.findIndex((text) => text.classList.contains("gradient"));
  return texts.at(gradient < 0 ? -1 : gradient - 2) ?? null;
}
