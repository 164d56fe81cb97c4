/** Prompts answered by the page itself, in a worker: a click costs nothing. It knows no screen. */
import { fieldOfLogits } from "../masks/field.ts";
import { encodeRle, type Rle } from "../masks/rle.ts";
import { drawnMask } from "../masks/upsample.ts";
import { Bridge, type WorkerLike } from "./bridge.ts";
import { innerSize, type Frame } from "./framing.ts";
import { Latest } from "./latest.ts";
import { LocalFailure, type Decoded, type Logits } from "./orders.ts";
import { paceOf, type Answer, type Pace, type Question, type Segmenter, type Target } from "./segmenter.ts";
import { EmbeddingStore, type Kept, type Outside } from "./store.ts";

const THREADS_MAX = 4;

export interface Parts extends Outside {
  readonly makeWorker: () => WorkerLike;
  /** How many threads the decoder may use. */
  readonly threads: number;
}

interface Prepared {
  readonly target: Target;
  readonly kept: Kept;
}

export class LocalSegmenter implements Segmenter {
  readonly #parts: Parts;
  readonly #store: EmbeddingStore;
  readonly #latest = new Latest((question: Question) => this.#answer(question));
  #pace: Pace = "click";
  #bridge: Bridge | null = null;
  #loading: { readonly decoderUrl: string; readonly segmenter: string; readonly done: Promise<void> } | null = null;
  #preparing: AbortController | null = null;
  #prepared: Prepared | null = null;
  #isRestarted = false;

  constructor(parts: Parts) {
    this.#parts = parts;
    this.#store = new EmbeddingStore(parts);
  }

  get pace(): Pace {
    return this.#pace;
  }

  async prepare(target: Target, signal?: AbortSignal): Promise<void> {
    this.abort();
    this.#prepared = null;
    this.#isRestarted = false;
    this.#preparing?.abort();
    const own = (this.#preparing = new AbortController());
    const either = signal ? AbortSignal.any([signal, own.signal]) : own.signal;
    const kept = await this.#store.open(target, either);
    either.throwIfAborted();
    await this.#load(kept);
    either.throwIfAborted();
    const prepared = { target, kept };
    await this.#use(prepared);
    either.throwIfAborted();
    this.#prepared = prepared;
  }

  segment(question: Question): Promise<Answer | null> {
    return this.#latest.ask(question);
  }

  abort(): void {
    this.#latest.clear();
  }

  close(): void {
    this.abort();
    this.#preparing?.abort();
    this.#drop();
  }

  async #answer(question: Question): Promise<Answer> {
    const prepared = this.#prepared;
    if (prepared === null) throw new LocalFailure("unusable_embedding", "No image is prepared.");
    const began = performance.now();
    const { frame, candidates } = await this.#decoded(question, prepared);
    const { target, kept } = prepared;
    const inner = innerSize(frame, target.size);
    return {
      target,
      segmenter: kept.segmenter,
      candidates: candidates.map(({ score, choice, logits }) => ({
        score,
        choice,
        field: fieldOfLogits(logits, frame.low_px, inner, frame.side_px, target.size),
        rle: () => this.#drawn(logits, frame, target),
      })),
      elapsedMs: performance.now() - began,
    };
  }

  /** A decoder that fails is started anew once, with the same question. */
  async #decoded({ prompt, choice = "best", topK = 1 }: Question, prepared: Prepared): Promise<Decoded> {
    const asked = { prompt, choice, topK };
    try {
      return await this.#working().call("decode", asked);
    } catch (error) {
      if (!(error instanceof LocalFailure) || error.trouble !== "crashed" || this.#isRestarted) throw error;
      this.#isRestarted = true;
      this.#drop();
      await this.#load(prepared.kept);
      await this.#use(prepared);
      return await this.#working().call("decode", asked);
    }
  }

  /** Drawn by the worker; where that has stopped, here: a mask that was shown can always be kept. */
  async #drawn(logits: Logits, frame: Frame, { size }: Target): Promise<Rle> {
    try {
      return await this.#working().call("draw", { logits, frame, size });
    } catch {
      return encodeRle(drawnMask(logits, frame.low_px, frame.side_px, innerSize(frame, size), size), size);
    }
  }

  async #use({ target, kept }: Prepared): Promise<void> {
    const { bytes, segmenter, sidePx } = kept;
    try {
      await this.#working().call("use", { bytes, segmenter, size: target.size, sidePx });
    } catch (error) {
      this.#store.forget(target);
      throw error;
    }
  }

  /** The decoder of an embedding's own segmenter: another one's would answer with wrong masks. */
  #load({ decoderUrl, segmenter }: Kept): Promise<void> {
    if (!decoderUrl.includes(`/${segmenter}/`)) {
      const detail = `The embedding is of ${segmenter}, the decoder is ${decoderUrl}.`;
      return Promise.reject(new LocalFailure("unusable_embedding", detail));
    }
    const loading = this.#loading;
    if (loading?.decoderUrl === decoderUrl) return loading.done;
    this.#drop();
    const bridge = new Bridge(this.#parts.makeWorker());
    const done = this.#started(bridge, decoderUrl);
    this.#bridge = bridge;
    this.#loading = { decoderUrl, segmenter, done };
    return done;
  }

  async #started(bridge: Bridge, decoderUrl: string): Promise<void> {
    try {
      const { answerMs } = await bridge.call("load", { decoderUrl, threads: this.#parts.threads });
      this.#pace = paceOf(answerMs);
    } catch (error) {
      if (this.#bridge === bridge) this.#drop(); // so that it is tried anew
      if (error instanceof LocalFailure && error.trouble !== "crashed") throw error;
      throw new LocalFailure("no_wasm", error instanceof Error ? error.message : String(error));
    }
  }

  #working(): Bridge {
    if (this.#bridge === null) throw new LocalFailure("crashed", "The decoder is not loaded.");
    return this.#bridge;
  }

  #drop(): void {
    this.#bridge?.close();
    this.#bridge = null;
    this.#loading = null;
  }
}

/**
 * As many threads as help; without isolation from other origins there is one.
 *
 * One processor stays with the page: of two, two threads made the median worse than one (`make bench-page`).
 */
export function threadsOf(scope: { crossOriginIsolated: boolean; navigator: { hardwareConcurrency: number } }): number {
  return scope.crossOriginIsolated ? Math.max(1, Math.min(THREADS_MAX, scope.navigator.hardwareConcurrency - 1)) : 1;
}

export function makeWorker(): Worker {
  return new Worker(new URL("./decoder.worker.ts", import.meta.url), { type: "module", name: "decoder" });
}
