// Graphviz as Python sees it: one function, texts in and out.

import type { Viz } from "@viz-js/viz";

export const graphviz = (viz: Viz) => ({
  /** The picture of a graph in the DOT language, and Graphviz's messages, as JSON. */
  render(source: string, format: string, engine: string): string {
    const made = viz.render(source, { format, engine });
    return JSON.stringify([made.output ?? "", made.errors.map((error) => error.message).join("\n")]);
  },
});
