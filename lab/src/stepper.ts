// The stepper of `page(x)`, mounted beside the code.

import { mount, type Shown, type Stepper } from "../../scalargrad/explain/html/stepper.js";

export interface Walk {
  title: string;
  steps: number;
  nodes: number;
  position: number;
  markup?: string;
  lines?: (number | null)[]; // of each node
  refused?: string;
}

/** The walk of the moment: its steps are linked to lines of code, and lines to its nodes. */
export class Walker {
  private stepper: Stepper | null = null;
  private walk: Walk | null = null;
  private lastLine = -1;
  private nth = 0;

  constructor(
    private readonly element: HTMLElement,
    private readonly onStep: (position: number, lowest: number, line: number | null) => void,
  ) {}

  /** Show a walk, at this position of it; below 0 is the forward pass, as the stepper counts. */
  show(walk: Walk, position: number): void {
    this.walk = walk;
    this.lastLine = -1;
    if (this.stepper) this.stepper.replace(walk.markup!, position);
    else {
      this.stepper = mount(this.element, {
        markup: walk.markup!,
        at: position,
        keys: document,
        onStep: (step) => this.stepped(step),
      });
      this.stepper.go(position);
    }
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

  private stepped(step: Shown): void {
    const line = step.result === null ? null : (this.walk?.lines?.[step.result] ?? null);
    if (this.stepper) this.onStep(step.position, this.stepper.lowest, line);
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
}
