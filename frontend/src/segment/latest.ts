/**
 * One question at a time, of those that wait only the newest: for work that nobody needs once they have asked anew.
 *
 * A click goes before a hover: it takes the place of whatever runs or waits, and a hover never takes its place.
 */
import type { Urgency } from "./segmenter.ts";

interface Ask {
  readonly urgency: Urgency;
  readonly signal?: AbortSignal;
}

interface Entry<Q, A> {
  readonly question: Q;
  readonly control: AbortController;
  /** Says the answer, or null once; what comes later is dropped. */
  readonly settle: (answer: A | null) => void;
  readonly fail: (error: unknown) => void;
}

export class Latest<Q extends Ask, A> {
  readonly #run: (question: Q, signal: AbortSignal) => Promise<A>;
  #running: Entry<Q, A> | null = null;
  #waiting: Entry<Q, A> | null = null;

  /** `run` may ignore its signal: what it answers after an abort is dropped, and nothing else runs until it does. */
  constructor(run: (question: Q, signal: AbortSignal) => Promise<A>) {
    this.#run = run;
  }

  ask(question: Q): Promise<A | null> {
    if (question.signal?.aborted) return Promise.reject(question.signal.reason as Error);
    return new Promise((resolve, reject) => {
      const entry = this.#entry(question, resolve, reject);
      if (this.#running === null) {
        void this.#start(entry);
        return;
      }
      const isClick = question.urgency === "click";
      if (this.#waiting !== null && this.#waiting.question.urgency === "click" && !isClick) {
        entry.settle(null);
        return;
      }
      this.#waiting?.settle(null);
      this.#waiting = entry;
      if (isClick) this.#drop(this.#running);
    });
  }

  /** Answer everything with null; what runs is told to stop. */
  clear(): void {
    this.#waiting?.settle(null);
    this.#waiting = null;
    if (this.#running !== null) this.#drop(this.#running);
  }

  #drop(entry: Entry<Q, A>): void {
    entry.settle(null);
    entry.control.abort();
  }

  #entry(question: Q, resolve: (answer: A | null) => void, reject: (error: unknown) => void): Entry<Q, A> {
    const control = new AbortController();
    const stop = (): void => {
      if (this.#waiting === entry) this.#waiting = null;
      reject(question.signal?.reason);
      control.abort();
    };
    const over = (): void => question.signal?.removeEventListener("abort", stop);
    const entry: Entry<Q, A> = {
      question,
      control,
      settle: (answer) => {
        over();
        resolve(answer);
      },
      fail: (error) => {
        over();
        reject(error);
      },
    };
    question.signal?.addEventListener("abort", stop, { once: true });
    return entry;
  }

  async #start(entry: Entry<Q, A>): Promise<void> {
    this.#running = entry;
    try {
      entry.settle(await this.#run(entry.question, entry.control.signal));
    } catch (error) {
      entry.fail(error);
    }
    this.#running = null;
    const next = this.#waiting;
    this.#waiting = null;
    if (next !== null) void this.#start(next);
  }
}
