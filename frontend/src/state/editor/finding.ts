/**
 * Asking a segmenter until it answers: a segmenter that is still starting is waited for; it shows nothing.
 *
 * The answers of the latest questions are kept, so that undoing, going back to a picture and the lists of templates ask once.
 */
import type { Api } from "../../api/client.ts";
import { pause } from "../../api/http.ts";
import { ApiError } from "../../api/problem.ts";
import type { MaskChoice, Prompt, Segmentation } from "../../api/types.ts";
import type { Rle } from "../../masks/rle.ts";

/** A mask that was found; `choices` are the names under which a template gets it, as far as they are known. */
export interface FoundMask {
  readonly rle: Rle;
  readonly score: number;
  readonly choices: readonly MaskChoice[];
}

export interface Question {
  readonly dataset: string;
  readonly image: string;
  readonly prompt: Prompt;
  readonly choice: MaskChoice;
  /** How many candidates are wanted, the chosen one first. */
  readonly most: number;
}

export interface Finder {
  /** The candidates, the chosen one first; throws what the service refuses, and AbortError. */
  find(question: Question, signal: AbortSignal, onWait?: (code: string) => void): Promise<readonly FoundMask[]>;
  /** What was found before, without asking. */
  known(question: Question): readonly FoundMask[] | null;
}

const KEPT = 120;
const PAUSE_S = 2;

export class RemoteFinder implements Finder {
  readonly #api: () => Pick<Api, "segment">;
  readonly #sleep: typeof pause;
  readonly #kept = new Map<string, readonly FoundMask[]>();

  constructor(api: () => Pick<Api, "segment">, sleep: typeof pause = pause) {
    this.#api = api;
    this.#sleep = sleep;
  }

  known(question: Question): readonly FoundMask[] | null {
    const masks = this.#kept.get(nameOf(question));
    if (!masks || masks.length < question.most) return null;
    return masks.some((mask) => mask.choices.includes(question.choice)) ? masks : null;
  }

  async find(
    question: Question,
    signal: AbortSignal,
    onWait: (code: string) => void = () => undefined,
  ): Promise<readonly FoundMask[]> {
    const known = this.known(question);
    if (known) return known;
    for (;;) {
      try {
        const { prompt, choice, most, dataset, image } = question;
        const answer = await this.#api().segment(dataset, image, { prompt, choice, top_k: most }, signal);
        return this.#keep(question, answer);
      } catch (error) {
        if (!(error instanceof ApiError) || !error.isRetryable) throw error;
        onWait(error.code);
        await this.#sleep(Math.max(PAUSE_S, error.retryAfterS ?? 0), signal);
      }
    }
  }

  /** The name of a candidate among all: the service tells only which one a choice gives, so each choice is tried. */
  async nameOf(question: Question, mask: FoundMask, signal: AbortSignal): Promise<MaskChoice | null> {
    if (mask.choices[0]) return mask.choices[0];
    for (const choice of ["0", "1", "2"] as const) {
      const masks = await this.find({ ...question, choice }, signal);
      const named = masks.find((one) => one.choices.includes(choice));
      if (named?.rle.counts === mask.rle.counts) return choice;
    }
    return null;
  }

  /** The order of what was shown before stays; an answer to another choice only gives one of it a name. */
  #keep(question: Question, answer: Segmentation): readonly FoundMask[] {
    const name = nameOf(question);
    const masks = merged(this.#kept.get(name) ?? [], answer, question.choice);
    this.#kept.delete(name);
    this.#kept.set(name, masks);
    const [oldest] = this.#kept.keys();
    if (this.#kept.size > KEPT && oldest !== undefined) this.#kept.delete(oldest);
    return masks;
  }
}

export function merged(before: readonly FoundMask[], answer: Segmentation, choice: MaskChoice): readonly FoundMask[] {
  const [first] = answer.candidates;
  const known = before.find((mask) => mask.rle.counts === first?.rle.counts);
  if (known && before.length >= answer.candidates.length) {
    return before.map((mask) => (mask === known ? { ...mask, choices: named(mask.choices, choice) } : mask));
  }
  return answer.candidates.map((mask, at) => {
    const choices = before.find((one) => one.rle.counts === mask.rle.counts)?.choices ?? [];
    return { rle: mask.rle, score: mask.score, choices: at === 0 ? named(choices, choice) : choices };
  });
}

function named(choices: readonly MaskChoice[], choice: MaskChoice): readonly MaskChoice[] {
  return choices.includes(choice) ? choices : [...choices, choice];
}

function nameOf({ dataset, image, prompt }: Question): string {
  return JSON.stringify([dataset, image, prompt.points, prompt.box ?? null, prompt.previous?.counts ?? null]);
}
