/**
 * Who answers prompts: the page where it can, else the service, and which of them and why in a word for the reader.
 *
 * While the page makes itself ready, and from the moment that it fails, the service answers.
 */
import type { Api } from "../api/client.ts";
import { pause } from "../api/http.ts";
import { LocalFailure, type Trouble } from "./orders.ts";
import { RemoteSegmenter } from "./remote.ts";
import type { Answer, Pace, Question, Segmenter, Target } from "./segmenter.ts";

export interface Standing {
  readonly where: "page" | "service";
  /** Why it is the service; null where it is the page. */
  readonly why: Trouble | "getting_ready" | null;
  readonly pace: Pace;
}

/** What was learnt of the service. Whether it keeps embeddings is told by the refusal of the first one alone. */
export interface Known {
  hasEmbeddings: boolean;
}

/** What does not change with the image. */
const FOR_GOOD: readonly Trouble[] = ["no_embeddings", "no_decoder", "no_wasm", "crashed"];

export class ChosenSegmenter implements Segmenter {
  readonly #remote: Segmenter;
  readonly #makeLocal: () => Promise<Segmenter>;
  readonly #onChange: (standing: Standing) => void;
  readonly #known: Known;
  #local: Segmenter | null = null;
  #standing: Standing = { where: "service", why: "getting_ready", pace: "click" };
  #target: Target | null = null;

  /** `makeLocal` loads what the page needs to answer by itself; `onChange` hears of every new standing. */
  constructor(
    remote: Segmenter,
    makeLocal: () => Promise<Segmenter>,
    onChange: (standing: Standing) => void,
    known: Known = { hasEmbeddings: true },
  ) {
    this.#known = known;
    this.#remote = remote;
    this.#makeLocal = makeLocal;
    this.#onChange = onChange;
  }

  get standing(): Standing {
    return this.#standing;
  }

  get pace(): Pace {
    return this.#standing.pace;
  }

  /** Ready as soon as anybody can answer; the page takes over when it is ready, too. */
  async prepare(target: Target, signal?: AbortSignal): Promise<void> {
    this.abort();
    this.#target = target;
    await this.#remote.prepare(target, signal);
    const why = this.#known.hasEmbeddings ? this.#standing.why : "no_embeddings";
    if (why !== null && (FOR_GOOD as readonly string[]).includes(why)) {
      this.#stand("service", why);
      return;
    }
    this.#stand("service", "getting_ready");
    void this.#takeOver(target, signal);
  }

  async segment(question: Question): Promise<Answer | null> {
    const target = this.#target;
    if (this.#standing.where === "service" || this.#local === null) return this.#byService(question);
    try {
      return await this.#local.segment(question);
    } catch (error) {
      if (!(error instanceof LocalFailure)) throw error;
      if (target !== this.#target) return null;
      this.#stand("service", error.trouble);
      return this.#byService(question);
    }
  }

  abort(): void {
    this.#remote.abort();
    this.#local?.abort();
  }

  close(): void {
    this.#target = null;
    this.#remote.close();
    this.#local?.close();
  }

  /** The service is asked for clicks only: a preview is not worth a request. */
  #byService(question: Question): Promise<Answer | null> {
    return question.urgency === "click" ? this.#remote.segment(question) : Promise.resolve(null);
  }

  async #takeOver(target: Target, signal?: AbortSignal): Promise<void> {
    let trouble: Trouble | null = null;
    try {
      this.#local ??= await this.#makeLocal();
      if (target === this.#target) await this.#local.prepare(target, signal);
    } catch (error) {
      trouble = error instanceof LocalFailure ? error.trouble : this.#local === null ? "no_wasm" : "unreachable";
    }
    if (trouble === "no_embeddings") this.#known.hasEmbeddings = false;
    if (target !== this.#target || signal?.aborted) return;
    this.#stand(trouble === null ? "page" : "service", trouble);
  }

  #stand(where: "page" | "service", why: Standing["why"]): void {
    const pace = where === "page" && this.#local !== null ? this.#local.pace : "click";
    this.#standing = { where, why, pace };
    this.#onChange(this.#standing);
  }
}

/** All stages of the page ask the same service. */
const KNOWN: Known = { hasEmbeddings: true };

/** The segmenter of the editor; what the page needs to answer by itself is loaded when an image is prepared. */
export function chooseSegmenter(api: Api, onChange: (standing: Standing) => void): ChosenSegmenter {
  const makeLocal = async (): Promise<Segmenter> => {
    const { LocalSegmenter, makeWorker, threadsOf } = await import("./local.ts");
    const fetcher = fetch.bind(globalThis);
    return new LocalSegmenter({ api, fetch: fetcher, sleep: pause, makeWorker, threads: threadsOf(globalThis) });
  };
  return new ChosenSegmenter(new RemoteSegmenter(api), makeLocal, onChange, KNOWN);
}
