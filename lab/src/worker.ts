// Python in a worker: CPython as WebAssembly, scalargrad, and Graphviz for the layout of pictures.
// All files come with the first message, so this is the same from a server and from a disk.

import { instance, type Viz } from "@viz-js/viz";
import { loadPyodide, type PyodideAPI } from "pyodide";
import createPyodideModule from "pyodide/pyodide.asm.mjs";
import lock from "pyodide/pyodide-lock.json";
import { graphviz } from "./graphviz";
import type { Assets, FromWorker, Stream, ToWorker } from "./messages";

const HOME = "https://lab.invalid/"; // where Pyodide looks for its files; nothing is ever requested from there
const TOO_SOON = 30; // milliseconds: text that follows earlier text so closely is sent with what comes next
const PROMPTLY = 200; // texts that are sent at once all the same
const MOST_TEXT = 200_000; // characters of output in one call

type Answer = (name: string, given: string) => string;
let answer: Answer | null = null;

const send = (message: FromWorker) => self.postMessage(message);

// ---------------------------------------------------------------- what Python prints

class Output {
  private waiting = "";
  private stream: Stream = "out";
  private sent = 0;
  private texts = 0;
  private last = 0;

  /** A function that takes the bytes of one stream. */
  writer(stream: Stream): { write(bytes: Uint8Array): number } {
    const decoder = new TextDecoder();
    return {
      write: (bytes) => {
        if (this.stream !== stream) this.flush();
        this.stream = stream;
        this.add(decoder.decode(bytes, { stream: true }));
        return bytes.length;
      },
    };
  }

  restart(): void {
    this.sent = this.texts = 0;
  }

  flush(): void {
    if (this.waiting) send({ kind: "output", stream: this.stream, text: this.waiting });
    this.waiting = "";
    this.last = performance.now();
  }

  private add(text: string): void {
    if (this.sent > MOST_TEXT) return;
    this.sent += text.length;
    this.waiting += text;
    if (this.sent > MOST_TEXT) {
      this.waiting += `\n… more than ${MOST_TEXT.toLocaleString("en")} characters: the rest is not shown\n`;
      this.flush();
    } else if (this.texts++ < PROMPTLY || performance.now() - this.last > TOO_SOON) this.flush();
  }
}

const output = new Output();

// ---------------------------------------------------------------- starting

async function start(assets: Assets): Promise<void> {
  const viz: Promise<Viz> = instance();
  const files: Record<string, [ArrayBuffer, string]> = {
    "pyodide.asm.wasm": [assets.wasm, "application/wasm"],
    "python_stdlib.zip": [assets.library, "application/zip"],
  };
  self.fetch = async (wanted: RequestInfo | URL) => {
    const file = files[String(wanted).replace(HOME, "")];
    if (!file) throw new TypeError(`the lab requests nothing, and has no ${wanted}`);
    return new Response(file[0], { headers: { "Content-Type": file[1] } });
  };
  const pyodide: PyodideAPI = await loadPyodide({
    indexURL: HOME,
    packageBaseUrl: HOME,
    lockFileContents: { ...lock, packages: {} } as never,
    createPyodideModule,
    env: { HOME: "/home", PYTHONHASHSEED: "0" },
    stdin: () => null,
  } as Parameters<typeof loadPyodide>[0]);
  pyodide.unpackArchive(assets.packages, "zip", { extractDir: "/packages" });
  pyodide.setStdout(output.writer("out"));
  pyodide.setStderr(output.writer("error"));
  pyodide.registerJsModule("lab_graphviz", graphviz(await viz));
  answer = pyodide.runPython(`
    import sys
    sys.path.insert(0, "/packages")
    from scalargrad_lab import answer
    answer
  `) as Answer;
  send({ kind: "ready" });
}

// ---------------------------------------------------------------- answering

self.onmessage = async (event: MessageEvent<ToWorker>) => {
  const message = event.data;
  if (message.kind === "start") {
    try {
      await start(message.assets);
    } catch (error) {
      send({ kind: "broken", message: String(error) });
    }
    return;
  }
  output.restart();
  try {
    if (!answer) throw new Error("Python has not started yet");
    const text = answer(message.name, JSON.stringify(message.given));
    output.flush();
    send({ kind: "answer", id: message.id, answer: JSON.parse(text) });
  } catch (error) {
    output.flush();
    send({ kind: "failed", id: message.id, message: String(error) });
  }
};
