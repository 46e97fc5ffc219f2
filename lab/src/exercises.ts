// The exercises of the tour: their text, and what the judge says.

import { h } from "./dom";

export interface Exercise {
  name: string;
  chapter: number;
  title: string;
  text: string;
  start: string;
}

export interface Verdict {
  isRight: boolean;
  headline: string;
  text: string;
}

/** A text in the little Markdown that exercises use: paragraphs, lists and code. */
export function shown(text: string): HTMLElement[] {
  return text.split(/\n\n+/).map((block) => {
    const lines = block.split("\n");
    if (lines.every((line) => line.startsWith("    "))) return h("pre", {}, lines.map((line) => line.slice(4)).join("\n"));
    if (!/^[-*] /.test(block)) return h("p", {}, ...withCode(lines.join(" ")));
    const items = block.split(/\n(?=[-*] )/).map((item) => item.slice(2).replace(/\s*\n\s*/g, " "));
    return h("ul", {}, ...items.map((item) => h("li", {}, ...withCode(item))));
  });
}

function withCode(text: string): (Node | string)[] {
  return text.split(/(`[^`]+`)/).map((part) => (/^`.*`$/.test(part) ? h("code", {}, part.slice(1, -1)) : part));
}

/** The menu of the exercises, by chapter. */
export function menu(exercises: Exercise[]): HTMLOptGroupElement[] {
  const chapters = [...new Set(exercises.map((exercise) => exercise.chapter))];
  return chapters.map((chapter) => {
    const own = exercises.filter((exercise) => exercise.chapter === chapter);
    return h("optgroup", { label: `Chapter ${chapter}` }, ...own.map(({ name, title }) => h("option", { value: name }, title)));
  });
}
