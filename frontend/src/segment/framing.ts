/**
 * Prompts as the numbers that SAM's decoder takes, as the service makes them; it knows no decoder and no screen.
 *
 * A model looks at a square frame; the longer side of an image fills it, and padding lies to the right and below.
 */
import type { Prompt } from "../api/types.ts";
import { pixelBoxOf, pixelOf } from "../geometry/pixels.ts";
import type { Size } from "../geometry/spaces.ts";
import { strips, type Rle } from "../masks/rle.ts";

/** A frame of `side_px` × `side_px`, whose decoder answers in `low_px` × `low_px` logits. */
export interface Frame {
  readonly side_px: number;
  readonly low_px: number;
}

/** N points (2 N coordinates, x first) with N labels: 1 object, 0 not the object, 2 and 3 a box, −1 no point. */
export interface FramedPrompt {
  readonly points: Float32Array<ArrayBuffer>;
  readonly labels: Float32Array<ArrayBuffer>;
  /** Logits of a previous mask (low_px × low_px). */
  readonly previous: Float32Array<ArrayBuffer> | null;
}

/** What may be left out of a prompt is left out. */
export type Asked = Partial<Prompt>;

const PREVIOUS_LOGIT = 10; // how sure a previous mask is

/** The size of an image inside the frame. */
export function innerSize(frame: Frame, size: Size): Size {
  const scale = frame.side_px / Math.max(size.height_px, size.width_px);
  const inner = (length: number): number => Math.max(1, Math.trunc(length * scale + 0.5));
  return { height_px: inner(size.height_px), width_px: inner(size.width_px) };
}

export function framedPrompt(prompt: Asked, frame: Frame, size: Size): FramedPrompt {
  const inner = innerSize(frame, size);
  const [scaleX, scaleY] = [inner.width_px / size.width_px, inner.height_px / size.height_px];
  const points: number[] = [];
  const labels: number[] = [];
  for (const point of prompt.points ?? []) {
    const pixel = pixelOf(point, size);
    points.push(pixel.column * scaleX, pixel.row * scaleY);
    labels.push(point.positive ? 1 : 0);
  }
  if (prompt.box) {
    const box = pixelBoxOf(prompt.box, size);
    points.push(box.left * scaleX, box.top * scaleY, box.right * scaleX, box.bottom * scaleY);
    labels.push(2, 3);
  } else if (points.length > 0) {
    points.push(0, 0); // without a box SAM was trained to see one point more that is none
    labels.push(-1);
  }
  return {
    points: Float32Array.from(points),
    labels: Float32Array.from(labels),
    previous: prompt.previous ? previousLogits(prompt.previous, frame, size) : null,
  };
}

/** A previous mask of an image of `size` as logits: how much it covers of each, certain at ±10. */
export function previousLogits(rle: Rle, frame: Frame, size: Size): Float32Array<ArrayBuffer> {
  if (rle.size.height_px !== size.height_px || rle.size.width_px !== size.width_px) {
    throw new RangeError("The previous mask is not of this image's size.");
  }
  const inner = innerSize(frame, size);
  const side = (length: number): number => Math.max(1, roundHalfEven((length * frame.low_px) / frame.side_px));
  const [width, height] = [side(inner.width_px), side(inner.height_px)];
  const covered = reduced(rle, width, height);
  const logits = new Float32Array(frame.low_px * frame.low_px).fill(-PREVIOUS_LOGIT); // padding is background
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      logits[y * frame.low_px + x] = (2 * (covered[y * width + x] ?? 0) - 1) * PREVIOUS_LOGIT;
    }
  }
  return logits;
}

function roundHalfEven(value: number): number {
  const rounded = Math.round(value);
  return rounded - value === 0.5 && rounded % 2 === 1 ? rounded - 1 : rounded;
}

/** A mask at another size, as OpenCV's INTER_AREA makes it. */
function reduced(rle: Rle, width: number, height: number): Float32Array {
  const isSmaller = width <= rle.size.width_px && height <= rle.size.height_px;
  const weights = isSmaller ? areaWeights : stretchWeights;
  const across = weights(rle.size.width_px, width);
  const down = weights(rle.size.height_px, height);
  const target = new Float32Array(width * height);
  const column = new Float32Array(height); // the mask in one column of pixels, reduced downwards
  let filled = -1;
  const spread = (): void => {
    for (const [x, share] of across[filled] ?? []) {
      for (let y = 0; y < height; y++) target[y * width + x] = (target[y * width + x] ?? 0) + share * (column[y] ?? 0);
    }
    column.fill(0);
  };
  for (const [start, end] of strips(rle)) {
    for (let at = start; at < end; at++) {
      const row = at % rle.size.height_px;
      if (row === 0 || at === start) {
        const current = (at - row) / rle.size.height_px;
        if (current !== filled) spread();
        filled = current;
      }
      for (const [y, share] of down[row] ?? []) column[y] = (column[y] ?? 0) + share;
    }
  }
  spread();
  return target;
}

/** For each of the pixels: which samples it belongs to, with what share of them. */
type Weights = [number, number][][];

function areaWeights(pixels: number, samples: number): Weights {
  const step = pixels / samples;
  return Array.from({ length: pixels }, (_, pixel) => {
    const first = Math.min(samples - 1, Math.floor(pixel / step));
    const beyond = Math.min(1, Math.max(0, pixel + 1 - (first + 1) * step));
    const parts: [number, number][] = [[first, (1 - beyond) / step]];
    if (beyond > 1e-9 && first + 1 < samples) parts.push([first + 1, beyond / step]);
    return parts;
  });
}

/** Where there are more samples than pixels, each lies between two of them. */
function stretchWeights(pixels: number, samples: number): Weights {
  const scale = pixels / samples;
  const weights: Weights = Array.from({ length: pixels }, () => []);
  for (let sample = 0; sample < samples; sample++) {
    let pixel = Math.floor(sample * scale);
    let share = Math.fround(sample + 1 - (pixel + 1) / scale);
    share = share <= 0 ? 0 : share - Math.floor(share);
    if (pixel >= pixels - 1) [pixel, share] = [pixels - 1, 0];
    weights[pixel]?.push([sample, 1 - share]);
    if (share > 0) weights[pixel + 1]?.push([sample, share]);
  }
  return weights;
}
