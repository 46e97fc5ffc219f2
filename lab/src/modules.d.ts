declare module "pyodide/pyodide.asm.mjs" {
  const createPyodideModule: (settings: object) => Promise<object>;
  export default createPyodideModule;
}
declare module "pyodide/pyodide-lock.json" {
  const lock: { info: object; packages: object };
  export default lock;
}
