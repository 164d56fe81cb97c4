/**
 * Who answers the questions of a stage: the page itself where it can, and else the service; it shows nothing.
 *
 * The page's segmenter is of one picture at a time. What either of them finds is kept in the same store.
 */
import type { Standing } from "../../segment/choose.ts";
import type { Segmenter, Target } from "../../segment/segmenter.ts";
import type { Finder, FoundMask, Question, Source } from "./finding.ts";
import { shownField, shownMask, type ShownMask } from "./shown.ts";
import { NEUTRAL } from "./form.ts";

type Eye = Segmenter & { readonly standing: Standing };

export class Answering {
  readonly #finder: Finder;
  readonly #eye: Eye;
  #prepared: Promise<void> = Promise.resolve();

  constructor(finder: Finder, eye: Eye) {
    this.#finder = finder;
    this.#eye = eye;
  }

  get isRemote(): boolean {
    return this.#eye.standing.where === "service";
  }

  prepare(target: Target): void {
    // What goes wrong on the page is a standing of its own, and the service answers.
    this.#prepared = this.#eye.prepare(target).catch(() => undefined);
  }

  known(question: Question): readonly FoundMask[] | null {
    return this.#finder.known(question);
  }

  /** Somebody can answer as soon as a picture is prepared: the service, until the page is ready, too. */
  async find(question: Question, signal: AbortSignal, onWait: (code: string) => void): Promise<readonly FoundMask[]> {
    await this.#prepared;
    signal.throwIfAborted();
    return this.#finder.find(question, signal, onWait, this.#source());
  }

  /** What a click would select; null where a newer question has made this one pointless. */
  async preview(question: Question, signal: AbortSignal): Promise<ShownMask | null> {
    if (this.isRemote) {
      const [mask] = await this.#finder.find({ ...question, most: 1 }, signal);
      return mask ? shownMask(mask.rle, NEUTRAL) : null;
    }
    const { prompt, choice } = question;
    const answer = await this.#eye.segment({ prompt, choice, topK: 1, urgency: "hover", signal });
    const field = answer?.candidates[0]?.field;
    return field ? shownField(field) : null;
  }

  close(): void {
    this.#eye.close();
  }

  /** Undefined for the service, which the store asks by itself. */
  #source(): Source | undefined {
    if (this.isRemote) return undefined;
    return async ({ prompt, choice, most }, signal) => {
      const answer = await this.#eye.segment({ prompt, choice, topK: most, urgency: "click", signal });
      if (answer === null) throw new DOMException("A newer question was asked.", "AbortError");
      const masks = answer.candidates.map(async (one) => ({ score: one.score, rle: await one.rle() }));
      return { candidates: await Promise.all(masks), choices: answer.candidates.map(({ choice }) => choice) };
    };
  }
}
