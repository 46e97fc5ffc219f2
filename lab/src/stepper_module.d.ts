declare module "*/html/stepper.js" {
  export interface Shown {
    position: number;
    pass: "forward" | "backward";
    result: number | null;
    operand: number | null;
    operands: number[] | null;
  }
  export interface Options {
    markup?: string;
    at?: number;
    keys?: Document | HTMLElement;
    onStep?: (step: Shown) => void;
    onNode?: (node: number) => void;
    onBox?: (call: number, isOpen: boolean) => void;
  }
  export interface Stepper {
    readonly position: number;
    readonly lowest: number;
    readonly highest: number;
    go(position: number): void;
    toNode(node: number): void;
    light(node: number | null): void;
    replace(markup: string, position?: number): void;
    refresh(): void;
    printed(isOn: boolean): void;
    unmount(): void;
  }
  export function mount(element: HTMLElement, options?: Options): Stepper;
}

declare module "*/html/quiz.js" {
  import type { Options, Stepper } from "*/html/stepper.js";
  export function quiz(element: HTMLElement, options?: Options & { focus?: boolean }): Stepper & { points: number[] };
}
