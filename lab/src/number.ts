// The number of one node, to be changed: typed, with arrow keys, with a slider, or set to 0.

import { h } from "./dom";
import type { Plain } from "./stepper";

export interface NumberEvents {
  onChange: (node: number, number: number) => void;
  onSettle: (node: number) => void; // the reader is through with changing it
  onFree: (node: number) => void; // its own number again
}

/** The steps in which a number of this size is changed. */
export function stepOf(number: number): number {
  const size = Math.abs(number);
  return size === 0 || !Number.isFinite(size) ? 0.05 : 10 ** Math.floor(Math.log10(size) - 1) / (size < 1 ? 1 : 2);
}

export const rounded = (number: number, step: number) => Number((Math.round(number / step) * step).toPrecision(10));

/** A number as Python writes a float. */
export function literal(number: number): string {
  return Number.isInteger(number) && Math.abs(number) < 1e16 ? `${Object.is(number, -0) ? "-0" : number}.0` : String(number);
}

const SLIDER = 200; // places of the slider

export class NumberBar {
  readonly element: HTMLElement;
  private readonly name = h("label", { for: "number", class: "math" });
  private readonly field = h("input", { id: "number", type: "text", inputmode: "decimal", autocomplete: "off", spellcheck: "false" });
  private readonly slider = h("input", { type: "range", min: "0", max: String(SLIDER), "aria-label": "Change the number" });
  private readonly zero = h("button", { type: "button" }, "What if 0?");
  private readonly free = h("button", { type: "button", class: "free", "data-idle": true }, "Back");
  private readonly effect = h("output", { class: "effect", for: "number" });
  private node: number | null = null;
  private number = 0;
  private middle = 0;

  constructor(private readonly events: NumberEvents) {
    this.element = h("div", { class: "number-bar", role: "group", "aria-label": "Change a number", hidden: true });
    const hint = h("p", { class: "rest" }, "Choose a number in the picture to change it.");
    this.element.append(hint, this.name, this.field, this.slider, this.zero, this.free, this.effect);
    this.field.addEventListener("change", () => this.typed());
    this.field.addEventListener("keydown", (event) => {
      const direction = { ArrowUp: 1, ArrowDown: -1 }[event.key];
      if (event.key === "Enter") this.typed();
      else if (direction) {
        const step = stepOf(this.number) * (event.shiftKey ? 10 : 1);
        this.change(rounded(this.number + direction * step, step));
        event.preventDefault();
      }
    });
    this.field.addEventListener("keyup", (event) => event.key.startsWith("Arrow") && this.settle());
    this.slider.addEventListener("input", () => {
      const share = Number(this.slider.value) / SLIDER;
      this.change(rounded(this.middle + (2 * share - 1) * this.reach(), stepOf(this.middle)));
    });
    this.slider.addEventListener("change", () => this.settle());
    this.zero.addEventListener("click", () => {
      this.change(0);
      this.settle();
    });
    this.free.addEventListener("click", () => this.node !== null && this.events.onFree(this.node));
  }

  /** Offer this node's number. */
  select(node: number, name: string, number: Plain, isLeaf: boolean): void {
    this.node = node;
    this.number = this.middle = Number(number);
    this.name.textContent = `${name} =`;
    this.zero.title = isLeaf ? `Set ${name} to 0` : `Hold ${name} at 0: it no longer follows from its operands`;
    this.slider.value = String(SLIDER / 2);
    this.element.removeAttribute("data-rest");
    this.field.removeAttribute("aria-invalid");
    this.write();
  }

  get selected(): number | null {
    return this.node;
  }

  /** Show what the number is now, what it was before it was changed, and what that makes of the result. */
  show(number: Plain, before: string | null, effect: string): void {
    this.number = Number(number);
    if (this.field.hasAttribute("aria-invalid")) return; // what is wrong with the text stays in view
    this.effect.textContent = effect;
    this.free.toggleAttribute("data-idle", before === null);
    if (before !== null) this.free.textContent = `Back to ${before}`;
    this.write();
  }

  /** Offer nothing: the bar says what it is for. */
  rest(): void {
    this.node = null;
    this.element.setAttribute("data-rest", "");
  }

  private reach(): number {
    return Math.max(2, 2 * Math.abs(this.middle));
  }

  private write(): void {
    if (document.activeElement !== this.field || Number(this.field.value) !== this.number) {
      this.field.value = literal(this.number);
    }
  }

  private typed(): void {
    const text = this.field.value.trim().replace("−", "-").replace(",", ".");
    if (text === "" || Number.isNaN(Number(text))) {
      this.field.setAttribute("aria-invalid", "true");
      this.effect.textContent = `“${this.field.value}” is no number`;
    } else if (Number(text) !== this.number) {
      this.change(Number(text));
      this.settle();
    }
  }

  private change(number: number): void {
    if (this.node === null) return;
    this.number = number;
    this.field.removeAttribute("aria-invalid");
    this.write();
    this.events.onChange(this.node, number);
  }

  private settle(): void {
    if (this.node !== null) this.events.onSettle(this.node);
  }
}
