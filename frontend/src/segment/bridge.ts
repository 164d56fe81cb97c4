/** Questions to a worker as promises, by number; it knows no decoder. */
import { LocalFailure, type Name, type Order, type Orders, type Report } from "./orders.ts";

/** What a bridge needs of a Worker. */
export interface WorkerLike {
  postMessage(order: Order, transfer: Transferable[]): void;
  terminate(): void;
  addEventListener(type: "message", listener: (event: MessageEvent<Report>) => void): void;
  addEventListener(type: "error" | "messageerror", listener: (event: Event) => void): void;
}

interface Pending {
  readonly resolve: (answer: never) => void;
  readonly reject: (error: LocalFailure) => void;
}

export class Bridge {
  readonly #worker: WorkerLike;
  readonly #pending = new Map<number, Pending>();
  #failure: LocalFailure | null = null;
  #last = 0;

  constructor(worker: WorkerLike) {
    this.#worker = worker;
    worker.addEventListener("message", ({ data }) => this.#report(data));
    worker.addEventListener("error", (event) => {
      event.preventDefault();
      const words = "message" in event ? String(event.message) : "";
      this.#fail(words || "The decoder's worker stopped.");
    });
    worker.addEventListener("messageerror", () => this.#fail("The decoder's worker could not be understood."));
  }

  /** The answer to an order; throws LocalFailure, for a worker that has stopped each time. */
  call<N extends Name>(
    name: N,
    asked: Orders[N]["asked"],
    transfer: Transferable[] = [],
  ): Promise<Orders[N]["answer"]> {
    if (this.#failure !== null) return Promise.reject(this.#failure);
    const id = ++this.#last;
    return new Promise((resolve, reject) => {
      this.#pending.set(id, { resolve: resolve as Pending["resolve"], reject });
      this.#worker.postMessage({ id, name, asked } as Order, transfer);
    });
  }

  close(): void {
    this.#fail("The decoder was closed.");
  }

  #report(report: Report): void {
    const pending = this.#pending.get(report.id);
    this.#pending.delete(report.id);
    if ("trouble" in report) pending?.reject(new LocalFailure(report.trouble, report.detail));
    else pending?.resolve(report.answer as never);
  }

  #fail(detail: string): void {
    this.#failure ??= new LocalFailure("crashed", detail);
    this.#worker.terminate();
    for (const { reject } of this.#pending.values()) reject(this.#failure);
    this.#pending.clear();
  }
}
