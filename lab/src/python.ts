// Python, as the page sees it: questions that are answered, output while they are, and an end at any moment.

import { assets, workerAddress, workerScript } from "./assets";
import type { FromWorker, Stream, ToWorker } from "./messages";

export type State = "starting" | "ready" | "busy" | "broken";

export class Stopped extends Error {}

interface Question {
  resolve: (answer: never) => void;
  reject: (error: Error) => void;
}

/** One worker with its Python. */
class Interpreter {
  readonly ready: Promise<void>;
  onOutput: (stream: Stream, text: string) => void = () => {};
  isEnded = false;
  private worker: Worker | null = null;
  private questions = new Map<number, Question>();
  private asked = 0;
  private end!: (error: Error) => void;

  constructor() {
    this.ready = new Promise((resolve, reject) => {
      this.end = reject;
      this.start(resolve).catch(reject);
    });
    this.ready.catch(() => {}); // those who wait for it get the error
  }

  private async start(started: () => void): Promise<void> {
    const [files, script] = await Promise.all([assets(), workerScript()]);
    if (this.isEnded) return;
    this.worker = new Worker(workerAddress, { type: "module" });
    this.worker.onerror = (event) => this.stop(new Error(event.message || "the worker did not start"));
    this.worker.onmessage = ({ data }: MessageEvent<FromWorker>) => {
      if (data.kind === "ready") started();
      else if (data.kind === "broken") this.stop(new Error(data.message));
      else if (data.kind === "output") this.onOutput(data.stream, data.text);
      else {
        const question = this.questions.get(data.id);
        this.questions.delete(data.id);
        if (data.kind === "answer") question?.resolve(data.answer as never);
        else question?.reject(new Error(data.message));
      }
    };
    this.send({ kind: "start", assets: files, ...(script && { script }) });
  }

  private send(message: ToWorker): void {
    this.worker?.postMessage(message);
  }

  ask<T>(name: string, given: object): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      if (this.isEnded) reject(new Stopped());
      const id = this.asked++;
      this.questions.set(id, { resolve, reject });
      this.send({ kind: "call", id, name, given });
    });
  }

  stop(error: Error = new Stopped()): void {
    this.isEnded = true;
    this.worker?.terminate();
    this.end(error);
    for (const question of this.questions.values()) question.reject(error);
    this.questions.clear();
  }
}

const ROOMY = 4; // GiB of memory, as browsers tell it: with less there is no second Python in reserve

/** Python that can be stopped: a reserve takes over at once. */
export class Python {
  onOutput: (stream: Stream, text: string) => void = () => {};
  onState: (state: State, detail: string) => void = () => {};
  private current = new Interpreter();
  private reserve: Interpreter | null = null;
  private count = 0;

  constructor() {
    void this.adopt();
  }

  private async adopt(): Promise<void> {
    const mine = this.current;
    mine.onOutput = (stream, text) => this.onOutput(stream, text);
    this.onState("starting", "");
    try {
      await mine.ready;
    } catch (error) {
      if (mine === this.current && !(error instanceof Stopped)) this.onState("broken", String(error));
      return;
    }
    if (mine === this.current) this.onState("ready", "");
  }

  /** Ask Python something. It waits until Python has started, and until earlier questions are answered. */
  async ask<T>(name: string, given: object): Promise<T> {
    const mine = this.current;
    await mine.ready;
    this.count++;
    this.onState("busy", name);
    try {
      return await mine.ask<T>(name, given);
    } catch (error) {
      if (mine === this.current && !(error instanceof Stopped)) this.restart();
      throw error;
    } finally {
      if (mine === this.current && --this.count === 0) this.onState("ready", "");
    }
  }

  /** End whatever runs, at once, and go on with another Python that remembers nothing of it. */
  restart(): void {
    const ended = this.current;
    this.current = this.reserve ?? new Interpreter();
    this.reserve = null;
    ended.stop();
    this.count = 0;
    void this.adopt();
  }

  /** Start another Python that takes over when this one is stopped, where there is memory for it. */
  prepare(): void {
    const memory = (navigator as { deviceMemory?: number }).deviceMemory ?? ROOMY;
    if (this.reserve === null && memory >= ROOMY) this.reserve = new Interpreter();
  }
}
