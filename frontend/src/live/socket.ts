/**
 * One socket for the whole page, opened again after growing pauses. What it says are hints: it knows no job.
 *
 * A ticket opens a socket once, so each try asks for a new one. The gateway closes a silent socket after ten minutes
 * and every socket after two hours; a ping keeps it, and a close leads to the next one.
 */
import type { Clock } from "./clock.ts";

export interface Hint {
  readonly job: string;
  readonly seq: number;
}

/** What a browser's WebSocket has of which something is used. */
export interface Wire {
  addEventListener(type: "open" | "message" | "close", hear: (event: Event) => void): void;
  send(text: string): void;
  close(): void;
}

export interface SocketNeeds {
  readonly clock: Clock;
  /** The address of a new socket, with its ticket in it. */
  readonly address: () => Promise<string>;
  readonly open: (address: string) => Wire;
}

const PAUSES_MS = [1_000, 2_000, 5_000, 10_000, 30_000, 60_000];
const PING_MS = 4 * 60_000;
/** A socket that has been open for so long was no failure: the next pause is the shortest again. */
const STEADY_MS = 10_000;

export class LiveSocket {
  readonly #needs: SocketNeeds;
  readonly #hears = new Set<(hint: Hint) => void>();
  readonly #watches = new Set<(isOpen: boolean) => void>();
  #wire: Wire | null = null;
  #isOpen = false;
  #openedAt = 0;
  #failures = 0;
  #stopPing: (() => void) | null = null;
  #stopPause: (() => void) | null = null;
  #try = 0;

  constructor(needs: SocketNeeds) {
    this.#needs = needs;
  }

  get isOpen(): boolean {
    return this.#isOpen;
  }

  /** Listen; the socket is open while somebody does. What is returned ends it. */
  listen(hear: (hint: Hint) => void, watch: (isOpen: boolean) => void): () => void {
    this.#hears.add(hear);
    this.#watches.add(watch);
    if (this.#hears.size === 1) void this.#connect();
    return () => {
      this.#hears.delete(hear);
      this.#watches.delete(watch);
      if (this.#hears.size === 0) this.#rest();
    };
  }

  /** The network is back, or the page is seen again: do not wait for the end of a pause. */
  hurry(): void {
    if (this.#stopPause === null || this.#hears.size === 0) return;
    this.#stopPause();
    this.#stopPause = null;
    void this.#connect();
  }

  async #connect(): Promise<void> {
    const mine = ++this.#try;
    try {
      const address = await this.#needs.address();
      if (mine !== this.#try) return;
      this.#attach(this.#needs.open(address), mine);
    } catch {
      if (mine === this.#try) this.#again();
    }
  }

  #attach(wire: Wire, mine: number): void {
    this.#wire = wire;
    wire.addEventListener("open", () => {
      if (mine !== this.#try) return;
      this.#openedAt = this.#needs.clock.now();
      this.#pingLater(wire);
      this.#say(true);
    });
    wire.addEventListener("message", (event) => {
      const hint = event instanceof MessageEvent ? hintIn(event.data) : null;
      if (mine === this.#try && hint) for (const hear of this.#hears) hear(hint);
    });
    wire.addEventListener("close", () => {
      if (mine !== this.#try) return;
      const wasSteady = this.#isOpen && this.#needs.clock.now() - this.#openedAt >= STEADY_MS;
      if (wasSteady) this.#failures = 0;
      this.#drop();
      this.#again();
    });
  }

  #again(): void {
    const pause = PAUSES_MS[Math.min(this.#failures, PAUSES_MS.length - 1)] ?? 60_000;
    this.#failures++;
    this.#stopPause = this.#needs.clock.after(pause, () => {
      this.#stopPause = null;
      void this.#connect();
    });
  }

  #pingLater(wire: Wire): void {
    this.#stopPing = this.#needs.clock.after(PING_MS, () => {
      wire.send('{"type":"ping"}');
      this.#pingLater(wire);
    });
  }

  #rest(): void {
    this.#try++;
    this.#stopPause?.();
    this.#stopPause = null;
    this.#failures = 0;
    const wire = this.#wire;
    const wasOpen = this.#isOpen;
    this.#drop();
    // A browser complains of a socket that is closed before it is open.
    if (wasOpen) wire?.close();
    else wire?.addEventListener("open", () => wire.close());
  }

  #drop(): void {
    this.#stopPing?.();
    this.#stopPing = null;
    this.#wire = null;
    this.#say(false);
  }

  #say(isOpen: boolean): void {
    if (this.#isOpen === isOpen) return;
    this.#isOpen = isOpen;
    for (const watch of this.#watches) watch(isOpen);
  }
}

/** What a message says of a job, or nothing for a pong and for what cannot be read. */
export function hintIn(data: unknown): Hint | null {
  try {
    const said = JSON.parse(String(data)) as { type?: unknown; job_id?: unknown; seq?: unknown };
    if (said.type !== "job" || typeof said.job_id !== "string" || typeof said.seq !== "number") return null;
    return { job: said.job_id, seq: said.seq };
  } catch {
    return null;
  }
}
