/** What answers prompts, wherever it runs: the service or the page itself; it knows neither of them. */
import type { MaskChoice } from "../api/types.ts";
import type { Size } from "../geometry/spaces.ts";
import type { Field } from "../masks/field.ts";
import type { Rle } from "../masks/rle.ts";
import type { Asked } from "./framing.ts";

/** The image that prompts are about. */
export interface Target {
  readonly dataset: string;
  readonly image: string;
  readonly size: Size;
}

/** A click is what the reader waits for; a hover is a favour, and gives way to it. */
export type Urgency = "click" | "hover";

export interface Question {
  readonly prompt: Asked;
  readonly choice?: MaskChoice;
  /** How many candidates are wanted, the chosen one first. */
  readonly topK?: number;
  readonly urgency: Urgency;
  readonly signal?: AbortSignal;
}

export interface Candidate {
  /** The segmenter's own, in [0, 1]. */
  readonly score: number;
  /** The choice by which a template keeps it; null where the service does not say. */
  readonly choice: MaskChoice | null;
  /** What to draw at once: as fine as the answer came. */
  readonly field: Field;
  /** The mask at the image's full size, pixel for pixel as the service has it. */
  rle(): Promise<Rle>;
}

export interface Answer {
  readonly target: Target;
  /** The version of the segmenter. */
  readonly segmenter: string;
  readonly candidates: readonly Candidate[];
  readonly elapsedMs: number;
}

/** How often a preview may be asked for: with every move, when the pointer rests, or not at all. */
export type Pace = "move" | "rest" | "click";

export interface Segmenter {
  readonly pace: Pace;
  /** Make ready for an image; whatever was asked about the one before is answered with null. */
  prepare(target: Target, signal?: AbortSignal): Promise<void>;
  /** The answer, or null where a newer question has made this one pointless; throws AbortError when aborted. */
  segment(question: Question): Promise<Answer | null>;
  /** Drop everything that was asked. */
  abort(): void;
  close(): void;
}

const MOVE_MS_MAX = 120;
const REST_MS_MAX = 400;

/** The pace that a device keeps up with, by the time of one answer. */
export function paceOf(answerMs: number): Pace {
  if (answerMs < MOVE_MS_MAX) return "move";
  return answerMs <= REST_MS_MAX ? "rest" : "click";
}

/** For how long the pointer has to rest before a preview is asked for; null where none is. */
export function restMs(pace: Pace): number | null {
  return { move: 0, rest: 60, click: null }[pace];
}

/** Which of the candidates are wanted, in the service's order: the chosen one, then the others, the best first. */
export function inOrder(scores: readonly number[], choice: MaskChoice, topK: number): number[] {
  const byScore = scores.map((_, index) => index).sort((one, other) => (scores[other] ?? 0) - (scores[one] ?? 0));
  const first = choice === "best" ? (byScore[0] ?? 0) : Number(choice);
  return [first, ...byScore.filter((index) => index !== first)].slice(0, Math.max(1, topK));
}
