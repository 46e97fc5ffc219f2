// Builds the lab twice from one source: a folder for a server, and one file that opens from a disk.
// `python lab/build.py` calls this, after it has fetched the packages.

import { spawn } from "node:child_process";
import { createHash, webcrypto } from "node:crypto";
import { mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { instance } from "@viz-js/viz";
import { loadPyodide } from "pyodide";

globalThis.crypto ??= webcrypto; // Node.js 18 has it under that name alone

const LAB = dirname(fileURLToPath(import.meta.url));
const ROOT = dirname(LAB);
const TARGET = join(ROOT, "site", "lab");
const ONE_FILE = "scalargrad_lab.html";

const here = (...path) => join(LAB, ...path);
const text = (...path) => readFileSync(here(...path), "utf8");
const kilobytes = (size) => `${Math.round(size / 1000).toLocaleString("en")} kB`;

// ---------------------------------------------------------------- the Python packages

/** The standard library and the packages, each a zip file; see pack.py. */
async function packed() {
  const pyodide = await loadPyodide({ stdout: () => {} });
  pyodide.FS.mkdirTree("/project");
  pyodide.FS.mount(pyodide.FS.filesystems.NODEFS, { root: ROOT }, "/project");
  pyodide.registerJsModule("lab_graphviz", graphviz(await instance()));
  pyodide.runPython(text("pack.py"));
  return pyodide.runPython("pack()").toJs().map(Buffer.from);
}

// ---------------------------------------------------------------- scripts and styles

// quiz.js is written to follow stepper.js in one script; as a module of its own it imports it.
const asModule = {
  name: "as-module",
  setup: ({ onLoad }) =>
    onLoad({ filter: /\/html\/quiz\.js$/ }, ({ path }) => ({
      contents: `import { mount } from "./stepper.js";\n${readFileSync(path, "utf8")}`,
    })),
};

const options = {
  bundle: true,
  format: "esm",
  target: "es2022",
  minify: true,
  charset: "utf8",
  legalComments: "none",
  logLevel: "warning",
  write: false,
  external: ["node:*", "ws"],
  loader: { ".json": "json" },
  plugins: [asModule],
};

const bundled = async (entry, extra = {}) => {
  const { outputFiles } = await build({ ...options, entryPoints: [here("src", entry)], ...extra });
  return outputFiles[0].text;
};

// ---------------------------------------------------------------- compression

// A quarter smaller than by gzip. The page's decompressor knows this checksum, and keeps a window of memory.
const SQUEEZE = `
import lzma, sys
method = dict(id=lzma.FILTER_LZMA2, preset=6, dict_size=1 << 24, pb=0)
sys.stdout.buffer.write(lzma.compress(sys.stdin.buffer.read(), check=lzma.CHECK_CRC32, filters=[method]))
`;

function squeezed(content) {
  return new Promise((resolve, reject) => {
    const python = spawn(process.env.PYTHON ?? "python3", ["-c", SQUEEZE], { stdio: ["pipe", "pipe", "inherit"] });
    const parts = [];
    python.stdout.on("data", (part) => parts.push(part));
    python.on("error", reject);
    python.on("close", (code) => (code === 0 ? resolve(Buffer.concat(parts)) : reject(new Error(`compressing: ${code}`))));
    python.stdin.end(content);
  });
}

// ---------------------------------------------------------------- two shapes

const hashed = (script) => `'sha256-${createHash("sha256").update(script).digest("base64")}'`;

/** A page's policy: no requests but to where it came from, and no script but its own. */
function policy(scripts, workers, connections) {
  return [
    "default-src 'none'",
    `script-src ${scripts} 'wasm-unsafe-eval'`,
    `worker-src ${workers}`,
    `connect-src ${connections}`,
    "style-src 'unsafe-inline'", // the editor writes its styles as it runs
    "img-src data:",
    "base-uri 'none'",
    "form-action 'none'",
  ].join("; ");
}

function page(parts) {
  return text("src", "index.html").replace(/<!-- (\w+) -->/g, (_, name) => parts[name] ?? "");
}

const safe = (script) => script.replaceAll("</script", "<\\/script").replaceAll("<!--", "<\\!--");

rmSync(TARGET, { recursive: true, force: true });
mkdirSync(TARGET, { recursive: true });

const style = await bundled("style.css");
const script = safe(await bundled("main.ts"));
const worker = await bundled("worker.ts");
const { graphviz } = await import(`data:text/javascript,${encodeURIComponent(await bundled("graphviz.ts"))}`);
const [library, packages] = await packed();
const contents = {
  "python.wasm": readFileSync(here("node_modules/pyodide/pyodide.asm.wasm")),
  "library.zip": library,
  "packages.zip": packages,
  "worker.js": worker,
};
const squeezing = Object.entries(contents).map(async ([name, content]) => [name, await squeezed(content)]);
const { "worker.js": squeezedWorker, ...assets } = Object.fromEntries(await Promise.all(squeezing));

const write = (name, content) => {
  writeFileSync(join(TARGET, name), content);
  return content.length;
};

// the folder
for (const [name, content] of Object.entries(assets)) write(`${name}.xz`, content);
write("lab.js", script);
write("worker.js", worker);
write("lab.css", style);
write(
  "index.html",
  page({
    policy: policy("'self'", "'self'", "'self'"),
    style: '<link rel="stylesheet" href="lab.css">',
    script: '<script type="module" src="lab.js"></script>',
  }).replace("style-src 'unsafe-inline'", "style-src 'self' 'unsafe-inline'"),
);

// the one file
const inline = (name, content) => `<script type="text/plain" id="${name}">${content.toString("base64")}</script>`;
const inlined = [
  inline("worker.js", squeezedWorker),
  ...Object.entries(assets).map(([name, content]) => inline(name, content)),
];
const size = write(
  ONE_FILE,
  page({
    policy: policy(`${hashed(script)} blob:`, "data:", "'none'"),
    style: `<style>${style}</style>`,
    script: `${inlined.join("\n")}\n<script type="module">${script}</script>`,
  }),
);
const files = readdirSync(TARGET).filter((name) => name !== ONE_FILE);
const folder = files.reduce((sum, name) => sum + readFileSync(join(TARGET, name)).length, 0);
console.log(`site/lab/: ${files.length} files, ${kilobytes(folder)}; site/lab/${ONE_FILE}: ${kilobytes(size)}`);
