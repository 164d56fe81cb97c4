/** SAM's decoder on one image at a time: prompts in, candidates out. It knows no runtime, no worker and no network. */
import type { MaskChoice } from "../api/types.ts";
import type { Size } from "../geometry/spaces.ts";
import { unpacked, UnusableEmbedding, type Features } from "./embedding.ts";
import { framedPrompt, type Asked, type Frame } from "./framing.ts";
import { LocalFailure, type Decoded } from "./orders.ts";
import { inOrder } from "./segmenter.ts";

export interface Numbers {
  readonly data: Float32Array<ArrayBuffer>;
  readonly dims: readonly number[];
}

/** The inputs of the decoder's file by their names. */
export type Inputs = Record<
  "image_embeddings" | "point_coords" | "point_labels" | "mask_input" | "has_mask_input",
  Numbers
>;

export interface Outputs {
  /** Logits of SAM's single answer and of its three candidates, one after the other. */
  readonly masks: Float32Array;
  readonly scores: Float32Array;
}

export type Run = (inputs: Inputs) => Promise<Outputs>;

/** What the decoder's candidates are called, in its own order. */
const CHOICES: readonly MaskChoice[] = ["0", "1", "2"];
const LOGITS_PER_PATCH = 4; // each way

interface Current {
  readonly features: Features;
  readonly size: Size;
  readonly frame: Frame;
}

export class Decoder {
  readonly #run: Run;
  readonly #shape: readonly number[];
  #current: Current | null = null;

  /** `shape` is that of the embeddings that the decoder takes: channels, rows, columns. */
  constructor(run: Run, shape: readonly number[]) {
    this.#run = run;
    this.#shape = shape;
  }

  /** Answer about this image from now on; throws LocalFailure for an embedding that does not fit. */
  use(bytes: ArrayBuffer, segmenter: string, size: Size, sidePx: number): void {
    this.#current = null;
    const features = read(bytes, segmenter, size);
    if (features.shape.join() !== this.#shape.join()) {
      const detail = `The embedding is of ${features.shape.join(" × ")}, the decoder takes ${this.#shape.join(" × ")}.`;
      throw new LocalFailure("unusable_embedding", detail);
    }
    this.#current = { features, size, frame: { side_px: sidePx, low_px: LOGITS_PER_PATCH * features.shape[1] } };
  }

  async decode(prompt: Asked, choice: MaskChoice, topK: number): Promise<Decoded> {
    if (this.#current === null) throw new LocalFailure("unusable_embedding", "There is no embedding to answer from.");
    const { features, size, frame } = this.#current;
    const { masks, scores } = await this.#run(inputsOf(features, prompt, frame, size));
    const candidates = Array.from(scores.slice(1, 1 + CHOICES.length), (score, index) => ({ score, index }));
    if (!candidates.every(({ score }) => Number.isFinite(score))) {
      throw new LocalFailure("crashed", "The decoder answered with something that is no number.");
    }
    const pixels = frame.low_px ** 2;
    const order = inOrder(
      candidates.map(({ score }) => score),
      choice,
      topK,
    );
    return {
      frame,
      candidates: order.map((index) => ({
        score: Math.min(1, Math.max(0, candidates[index]?.score ?? 0)),
        choice: CHOICES[index] ?? "best",
        logits: masks.slice((index + 1) * pixels, (index + 2) * pixels) as Float32Array<ArrayBuffer>,
      })),
    };
  }

  /** How long an answer takes here, in milliseconds: the first one, which is slower, is not counted. */
  async measured(clock: () => number): Promise<number> {
    const [channels = 0, rows = 0, columns = 0] = this.#shape;
    const features: Features = {
      values: new Float32Array(channels * rows * columns),
      shape: [channels, rows, columns],
    };
    const low = LOGITS_PER_PATCH * rows;
    const prompt = { points: [{ x: 0.5, y: 0.5, positive: true }] };
    const size = { height_px: low, width_px: low };
    const inputs = inputsOf(features, prompt, { side_px: low, low_px: low }, size);
    await this.#run(inputs);
    const began = clock();
    await this.#run(inputs);
    return clock() - began;
  }
}

function read(bytes: ArrayBuffer, segmenter: string, size: Size): Features {
  try {
    return unpacked(bytes, segmenter, size);
  } catch (error) {
    if (error instanceof UnusableEmbedding) throw new LocalFailure("unusable_embedding", error.message);
    throw error;
  }
}

function inputsOf(features: Features, prompt: Asked, frame: Frame, size: Size): Inputs {
  const framed = framedPrompt(prompt, frame, size);
  const low = frame.low_px;
  return {
    image_embeddings: { data: features.values, dims: [1, ...features.shape] },
    point_coords: { data: framed.points, dims: [1, framed.labels.length, 2] },
    point_labels: { data: framed.labels, dims: [1, framed.labels.length] },
    mask_input: { data: framed.previous ?? new Float32Array(low * low), dims: [1, 1, low, low] },
    has_mask_input: { data: Float32Array.of(framed.previous === null ? 0 : 1), dims: [1] },
  };
}
