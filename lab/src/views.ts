// Two views of the lab, code and training: each keeps its part of the address.

import { h } from "./dom";
import { TrainingView } from "./training";

interface Coding {
  python: { ask<T>(name: string, given: object): Promise<T> };
  openCode(code: string, at: number | null): void;
}

export const isTraining = (): boolean => document.documentElement.dataset.view === "train";
const names = (hash: string) => new URLSearchParams(hash.replace(/^#/, "")).has("train");

/** Put the view of training beside that of code, and two buttons into the header to change between them. */
export function addTraining(root: HTMLElement, coding: Coding): void {
  const hashes = { code: "", train: "" };
  const training = new TrainingView(coding.python, (code, at) => {
    show("code");
    coding.openCode(code, at);
  });
  const buttons = {
    code: h("button", { type: "button", click: () => show("code") }, "Code"),
    train: h("button", { type: "button", click: () => show("train") }, "Train"),
  };
  function show(view: "code" | "train", hash: string | null = null): void {
    const before = isTraining() ? "train" : "code";
    if (hash === null && before !== view) {
      hashes[before] = before === "train" ? training.hash() : location.hash;
      hash = hashes[view];
      history.replaceState(null, "", hash || location.pathname + location.search);
    }
    document.documentElement.dataset.view = view;
    for (const [name, button] of Object.entries(buttons)) button.setAttribute("aria-pressed", String(name === view));
    if (view === "train") training.show(hash ?? "");
    else training.hide();
  }
  root.querySelector("h1")!.after(h("div", { class: "lab-views", role: "group", "aria-label": "View" }, buttons.code, buttons.train));
  root.append(training.element);
  addEventListener("hashchange", ({ newURL }) => {
    const { hash } = new URL(newURL);
    if (names(hash)) show("train", hash);
    else if (isTraining()) show("code", hash);
  });
  show(names(location.hash) ? "train" : "code", location.hash);
}
