/** A clock that a test turns and a socket that a test speaks through. */
import type { Clock } from "./clock.ts";
import type { Wire } from "./socket.ts";

export class FakeClock implements Clock {
  #now = 0;
  #waiting: { at: number; due: () => void }[] = [];

  now(): number {
    return this.#now;
  }

  after(ms: number, then: () => void): () => void {
    const entry = { at: this.#now + ms, due: then };
    this.#waiting.push(entry);
    return () => {
      this.#waiting = this.#waiting.filter((other) => other !== entry);
    };
  }

  /** Let time pass, with everything that falls due in it and what follows from that. */
  async pass(ms: number): Promise<void> {
    const end = this.#now + ms;
    await settled();
    for (;;) {
      const next = this.#waiting.filter(({ at }) => at <= end).sort((a, b) => a.at - b.at)[0];
      if (next === undefined) break;
      this.#waiting = this.#waiting.filter((other) => other !== next);
      this.#now = Math.max(this.#now, next.at);
      next.due();
      await settled();
    }
    this.#now = end;
  }
}

export class FakeWire extends EventTarget implements Wire {
  readonly sent: string[] = [];
  isClosed = false;

  send(text: string): void {
    this.sent.push(text);
  }

  close(): void {
    this.isClosed = true;
    this.dispatchEvent(new Event("close"));
  }

  opens(): void {
    this.dispatchEvent(new Event("open"));
  }

  tells(data: string): void {
    this.dispatchEvent(new MessageEvent("message", { data }));
  }

  says(job: string, seq: number): void {
    this.tells(JSON.stringify({ type: "job", job_id: job, seq, status: "running" }));
  }
}

/** Until every promise that could settle by itself has. */
export async function settled(): Promise<void> {
  for (let turn = 0; turn < 20; turn++) await Promise.resolve();
}
