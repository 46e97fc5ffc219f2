// What the page and the worker that runs Python say to each other.

/** What Python needs before it can start: all of it is there before the worker is. */
export interface Assets {
  wasm: ArrayBuffer;
  library: ArrayBuffer; // the standard library, a zip file
  packages: ArrayBuffer; // scalargrad and what the lab adds to it, a zip file
}

export type ToWorker =
  | { kind: "start"; assets: Assets; script?: ArrayBuffer }
  | { kind: "call"; id: number; name: string; given: unknown };

export type FromWorker =
  | { kind: "ready" }
  | { kind: "broken"; message: string }
  | { kind: "output"; stream: Stream; text: string }
  | { kind: "answer"; id: number; answer: unknown }
  | { kind: "failed"; id: number; message: string };

export type Stream = "out" | "error";
