/** Prompts answered by the service, which costs a request each; it knows no decoder. */
import type { Api } from "../api/client.ts";
import { pause } from "../api/http.ts";
import { ApiError } from "../api/problem.ts";
import { fieldOfRle } from "../masks/field.ts";
import { Latest } from "./latest.ts";
import type { Answer, Question, Segmenter, Target } from "./segmenter.ts";

/** How finely a mask is drawn before anybody looks closer: samples along its longer side. */
const SAMPLES_MAX = 512;
const WAITS_MAX = 20;
const WAIT_S = 2;

export class RemoteSegmenter implements Segmenter {
  readonly pace = "click";
  readonly #api: Pick<Api, "segment">;
  readonly #sleep: typeof pause;
  readonly #latest = new Latest((question: Question, signal) => this.#answer(question, signal));
  #target: Target | null = null;

  constructor(api: Pick<Api, "segment">, sleep: typeof pause = pause) {
    this.#api = api;
    this.#sleep = sleep;
  }

  prepare(target: Target): Promise<void> {
    this.abort();
    this.#target = target;
    return Promise.resolve();
  }

  segment(question: Question): Promise<Answer | null> {
    return this.#latest.ask(question);
  }

  abort(): void {
    this.#latest.clear();
  }

  close(): void {
    this.abort();
  }

  async #answer(question: Question, signal: AbortSignal): Promise<Answer> {
    const target = this.#target;
    if (target === null) throw new Error("no image is prepared");
    const began = performance.now();
    const { prompt, choice = "best", topK = 1 } = question;
    const found = await this.#patiently(target, { prompt, choice, top_k: topK }, signal);
    const candidates = found.candidates.map(({ rle, score }, at) => ({
      score,
      choice: found.choices[at] ?? null,
      field: fieldOfRle(rle, SAMPLES_MAX),
      rle: () => Promise.resolve(rle),
    }));
    return { target, segmenter: found.segmenter, candidates, elapsedMs: performance.now() - began };
  }

  /** A segmenter that is still loading is asked again. */
  async #patiently(target: Target, body: Parameters<Api["segment"]>[2], signal: AbortSignal) {
    for (let attempt = 1; ; attempt++) {
      try {
        return await this.#api.segment(target.dataset, target.image, body, signal);
      } catch (error) {
        if (!(error instanceof ApiError) || error.code !== "model_unavailable" || attempt === WAITS_MAX) throw error;
        await this.#sleep(error.retryAfterS ?? WAIT_S, signal);
      }
    }
  }
}
