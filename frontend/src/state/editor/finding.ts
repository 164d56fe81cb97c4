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

/** A mask that was found; `choices` are the names under which a template gets it: there is one at least. */
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

type Found = Pick<Segmentation, "candidates" | "choices">;

/** What answers a question: the service, or the page by itself. */
export type Source = (question: Question, signal: AbortSignal) => Promise<Found>;

type OnWait = (code: string) => void;

const KEPT = 120;
/** What passes by itself; a segmenter that failed on an image would fail again. */
const PASSING = ["model_unavailable", "unavailable", "rate_limited", "offline"];
const PAUSE_S = 2;

export class Finder {
  readonly #source: Source;
  readonly #sleep: typeof pause;
  readonly #kept = new Map<string, readonly FoundMask[]>();

  constructor(source: Source, sleep: typeof pause = pause) {
    this.#source = source;
    this.#sleep = sleep;
  }

  /** What was found before, without asking. */
  known(question: Question): readonly FoundMask[] | null {
    const masks = this.#kept.get(nameOf(question));
    if (!masks || masks.length < question.most) return null;
    return masks.some((mask) => mask.choices.includes(question.choice)) ? masks : null;
  }

  /** The candidates, the chosen one first; throws what is refused for good, and AbortError. */
  async find(
    question: Question,
    signal: AbortSignal,
    onWait: OnWait = () => undefined,
    source = this.#source,
  ): Promise<readonly FoundMask[]> {
    const known = this.known(question);
    if (known) return known;
    for (;;) {
      try {
        return this.#keep(question, await source(question, signal));
      } catch (error) {
        if (!(error instanceof ApiError) || !PASSING.includes(error.code)) throw error;
        onWait(error.code);
        await this.#sleep(Math.max(PAUSE_S, error.retryAfterS ?? 0), signal);
      }
    }
  }

  /** The order of what was shown before stays; an answer to another choice only gives one of it a name. */
  #keep(question: Question, answer: Found): readonly FoundMask[] {
    const name = nameOf(question);
    const masks = merged(this.#kept.get(name) ?? [], answer, question.choice);
    this.#kept.delete(name);
    this.#kept.set(name, masks);
    const [oldest] = this.#kept.keys();
    if (this.#kept.size > KEPT && oldest !== undefined) this.#kept.delete(oldest);
    return masks;
  }
}

/** A candidate without a name is left out: no template could keep it. */
export function merged(before: readonly FoundMask[], answer: Found, choice: MaskChoice): readonly FoundMask[] {
  const [first] = answer.candidates;
  const known = before.find((mask) => mask.rle.counts === first?.rle.counts);
  if (known && before.length >= answer.candidates.length) {
    return tagged(before, known.rle.counts, choice);
  }
  const masks = answer.candidates.map(({ rle, score }, at) => {
    const names = [at === 0 ? choice : null, answer.choices[at] ?? null].filter((name) => name !== null);
    const choices = before.find((one) => one.rle.counts === rle.counts)?.choices ?? [];
    return { rle, score, choices: names.reduce(named, choices) };
  });
  return masks.filter((mask) => mask.choices.length > 0);
}

/** The service as a source. */
export function asksService(api: () => Pick<Api, "segment">): Source {
  return ({ dataset, image, prompt, choice, most }, signal) =>
    api().segment(dataset, image, { prompt, choice, top_k: most }, signal);
}

function tagged(masks: readonly FoundMask[], counts: string, choice: MaskChoice): readonly FoundMask[] {
  return masks.map((mask) => (mask.rle.counts === counts ? { ...mask, choices: named(mask.choices, choice) } : mask));
}

function named(choices: readonly MaskChoice[], choice: MaskChoice): readonly MaskChoice[] {
  return choices.includes(choice) ? choices : [...choices, choice];
}

function nameOf({ dataset, image, prompt }: Question): string {
  return JSON.stringify([dataset, image, prompt.points, prompt.box ?? null, prompt.previous?.counts ?? null]);
}
