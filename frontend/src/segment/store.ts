/** The embeddings of the images that were looked at last, as the service packs them; it knows no decoder. */
import { mediaUrl, type Api } from "../api/client.ts";
import type { pause } from "../api/http.ts";
import { ApiError } from "../api/problem.ts";
import { fileAt, LocalFailure } from "./orders.ts";
import type { Target } from "./segmenter.ts";

/** An embedding, and the decoder that answers from it. */
export interface Kept {
  readonly segmenter: string;
  readonly decoderUrl: string;
  readonly sidePx: number;
  readonly bytes: ArrayBuffer;
}

const KEPT_MAX = 24; // of 2 MB each
const WAITS_MAX = 60;
const WAIT_S = 2;

export interface Outside {
  readonly api: Pick<Api, "embedding">;
  readonly fetch: typeof fetch;
  readonly sleep: typeof pause;
}

export class EmbeddingStore {
  readonly #outside: Outside;
  readonly #kept = new Map<string, Kept>();

  constructor(outside: Outside) {
    this.#outside = outside;
  }

  /** The embedding of an image, waited for while the service makes it; throws LocalFailure where there is none. */
  async open(target: Target, signal?: AbortSignal): Promise<Kept> {
    const name = `${target.dataset}/${target.image}`;
    const found = this.#kept.get(name) ?? (await this.#fetched(target, signal));
    this.#kept.delete(name);
    this.#kept.set(name, found);
    for (const oldest of this.#kept.keys()) {
      if (this.#kept.size <= KEPT_MAX) break;
      this.#kept.delete(oldest);
    }
    return found;
  }

  /** Ask for it anew next time. */
  forget(target: Target): void {
    this.#kept.delete(`${target.dataset}/${target.image}`);
  }

  async #fetched(target: Target, signal?: AbortSignal): Promise<Kept> {
    const { segmenter, url, decoder_url, frame_px } = await this.#described(target, signal);
    const bytes = await fileAt(mediaUrl(url), "unusable_embedding", this.#outside.fetch, signal);
    return { segmenter, decoderUrl: decoder_url, sidePx: frame_px, bytes };
  }

  async #described(target: Target, signal?: AbortSignal) {
    for (let attempt = 1; ; attempt++) {
      const { body, retryAfterS } = await this.#asked(target, signal);
      const { segmenter, url, decoder_url, frame_px } = body;
      if (!decoder_url || !frame_px) throw new LocalFailure("no_decoder", `${segmenter} has no decoder for the page.`);
      if (url) return { segmenter, url, decoder_url, frame_px };
      if (attempt === WAITS_MAX) throw new LocalFailure("unusable_embedding", "The embedding was not made in time.");
      await this.#outside.sleep(retryAfterS ?? WAIT_S, signal);
    }
  }

  async #asked(target: Target, signal?: AbortSignal) {
    try {
      return await this.#outside.api.embedding(target.dataset, target.image, signal);
    } catch (error) {
      if (error instanceof ApiError && error.status === 409) throw new LocalFailure("no_embeddings", error.message);
      throw error;
    }
  }
}
