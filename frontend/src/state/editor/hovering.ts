/**
 * When the pointer over the picture is a question: at every move, after a rest or never, by how fast answers come.
 *
 * One question at a time: what is asked meanwhile waits, and only the newest of it. It knows no segmenter.
 */
import type { UnitPoint } from "../../geometry/spaces.ts";

export type HoverTier = "move" | "rest" | "click";

const AT_EVERY_MOVE_MS = 120;
const AFTER_A_REST_MS = 400;
/** How long a pointer rests before it is a question, for a segmenter on this machine and for one behind the network. */
export const REST_MS = { here: 60, remote: 250 } as const;
const REMEMBERED = 5;

/** The tier by the latest answers' times; nobody asks at every move over the network. */
export function tierOf(latenciesMs: readonly number[], isRemote: boolean): HoverTier {
  const sorted = latenciesMs.toSorted((one, other) => one - other);
  const median = sorted[Math.floor(sorted.length / 2)];
  if (median === undefined) return isRemote ? "click" : "rest";
  if (median < AT_EVERY_MOVE_MS && !isRemote) return "move";
  return median < AFTER_A_REST_MS ? "rest" : "click";
}

export interface HoverPort {
  /** Ask and show; ends when the answer was shown or dropped. */
  ask(at: UnitPoint): Promise<void>;
  /** Show nothing any more. */
  forget(): void;
  /** Call later; what is returned takes that back. */
  later(call: () => void, ms: number): () => void;
}

export class Hovering {
  #isRemote = true;
  readonly #port: HoverPort;
  #latencies: number[] = [];
  #waiting: UnitPoint | null = null;
  #isAsking = false;
  #takeBack: (() => void) | null = null;

  constructor(port: HoverPort) {
    this.#port = port;
  }

  /** Answers come from elsewhere now; how fast the others came says nothing about these. */
  standAt(isRemote: boolean): void {
    if (isRemote === this.#isRemote) return;
    this.#isRemote = isRemote;
    this.#latencies = [];
    this.left();
  }

  get tier(): HoverTier {
    return tierOf(this.#latencies, this.#isRemote);
  }

  /** How long an answer took, of a hover or of a click. */
  answered(ms: number): void {
    this.#latencies = [...this.#latencies.slice(1 - REMEMBERED), ms];
  }

  moved(at: UnitPoint): void {
    this.#takeBack?.();
    this.#takeBack = null;
    const { tier } = this;
    if (tier === "click") return;
    this.#waiting = at;
    if (tier === "move") void this.#next();
    else this.#takeBack = this.#port.later(() => void this.#next(), REST_MS[this.#isRemote ? "remote" : "here"]);
  }

  left(): void {
    this.#takeBack?.();
    this.#takeBack = null;
    this.#waiting = null;
    this.#port.forget();
  }

  async #next(): Promise<void> {
    if (this.#isAsking) return;
    this.#isAsking = true;
    try {
      while (this.#waiting !== null) {
        const at = this.#waiting;
        this.#waiting = null;
        await this.#port.ask(at);
      }
    } finally {
      this.#isAsking = false;
    }
  }
}
