// The state of the lab in its address: #code=…&step=5, where the code is deflated and in base64 for addresses.

export interface Linked {
  code: string | null;
  at: number | null; // the step of the backward pass
  forward: number | null; // or of the forward pass
  exercise: string | null; // its name
}

async function through(bytes: Uint8Array<ArrayBuffer>, stream: GenericTransformStream): Promise<Uint8Array<ArrayBuffer>> {
  const piped = new Blob([bytes]).stream().pipeThrough(stream as ReadableWritablePair<Uint8Array, Uint8Array>);
  return new Uint8Array(await new Response(piped).arrayBuffer());
}

export async function packed(code: string): Promise<string> {
  const bytes = await through(new TextEncoder().encode(code), new CompressionStream("deflate"));
  return btoa(String.fromCharCode(...bytes)).replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "");
}

async function unpacked(text: string): Promise<string> {
  const bytes = Uint8Array.from(atob(text.replaceAll("-", "+").replaceAll("_", "/")), (letter) => letter.charCodeAt(0));
  return new TextDecoder("utf-8", { fatal: true }).decode(await through(bytes, new DecompressionStream("deflate")));
}

function count(text: string | null): number | null {
  return text !== null && /^\d{1,9}$/.test(text) ? Number(text) : null;
}

/** What an address says. Code that cannot be read is an error: the link was cut. */
export async function read(hash: string): Promise<Linked> {
  const parts = new URLSearchParams(hash.replace(/^#/, ""));
  const code = parts.get("code");
  let text: string | null = null;
  if (code !== null) {
    try {
      text = await unpacked(code);
    } catch {
      throw new Error("the link has no complete code: it was cut, or changed on its way");
    }
  }
  return { code: text, at: count(parts.get("step")), forward: count(parts.get("forward")), exercise: parts.get("exercise") };
}

export async function written({ code, at, forward, exercise }: Linked): Promise<string> {
  const parts = [];
  if (code !== null) parts.push(`code=${await packed(code)}`);
  if (at !== null) parts.push(`step=${at}`);
  if (forward !== null) parts.push(`forward=${forward}`);
  if (exercise !== null) parts.push(`exercise=${encodeURIComponent(exercise)}`);
  return `#${parts.join("&")}`;
}
