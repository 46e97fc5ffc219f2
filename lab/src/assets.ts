// The files of the lab: beside the page on a server, or in the page itself.

import { XzReadableStream } from "xz-decompress";
import type { Assets } from "./messages";

const NAMES = { wasm: "python.wasm", library: "library.zip", packages: "packages.zip" } as const;

const inline = (name: string): string | null => document.getElementById(name)?.textContent ?? null;
export const isOneFile = inline("worker.js") !== null;

function decoded(text: string): Uint8Array<ArrayBuffer> {
  const fromBase64 = (Uint8Array as unknown as { fromBase64?: (text: string) => Uint8Array<ArrayBuffer> }).fromBase64;
  return fromBase64 ? fromBase64(text) : Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
}

async function unpacked(packed: Blob | Response): Promise<ArrayBuffer> {
  const stream = packed instanceof Blob ? packed.stream() : packed.body!;
  return new Response(new XzReadableStream(stream)).arrayBuffer();
}

async function file(name: string): Promise<ArrayBuffer> {
  const text = inline(name);
  if (text !== null) return unpacked(new Blob([decoded(text)]));
  const response = await fetch(`${name}.xz`);
  if (!response.ok) throw new Error(`${name}.xz: ${response.status} ${response.statusText}`);
  return unpacked(response);
}

let loading: Promise<Assets> | null = null;

/** All that a worker needs; it is fetched and unpacked once, and kept for the next worker. */
export function assets(): Promise<Assets> {
  loading ??= Promise.all([file(NAMES.wasm), file(NAMES.library), file(NAMES.packages)]).then(
    ([wasm, library, packages]) => ({ wasm, library, packages }),
    (error) => {
      loading = null; // the next worker may try again
      throw error;
    },
  );
  return loading;
}

/** The worker's script where it stands in the page; null where it is a file. */
export async function workerScript(): Promise<ArrayBuffer | null> {
  const text = inline("worker.js");
  return text === null ? null : unpacked(new Blob([decoded(text)]));
}

// From a disk browsers start no worker but one from a `data:` address, which may not be long. So that one waits for
// its script, and becomes the worker that it is on a server.
const BECOME = `self.onmessage = async ({ data: { script, ...start } }) => {
  await import(URL.createObjectURL(new Blob([script], { type: "text/javascript" })));
  self.onmessage({ data: start });
};`;

export const workerAddress = isOneFile
  ? `data:text/javascript,${encodeURIComponent(BECOME)}`
  : new URL("worker.js", document.baseURI).href;
