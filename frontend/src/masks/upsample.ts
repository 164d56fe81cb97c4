/**
 * Logits of a small grid as the mask of an image, pixel for pixel as the service draws it; it knows no decoder.
 *
 * Two bilinear interpolations, to the frame and from the part of it that holds the image to the image's size, in single
 * precision with the roundings of the service (a fused multiply-add each). Interpolating never leaves the range of the
 * samples, so a cell whose corners agree is filled without arithmetic.
 */
import type { Size } from "../geometry/spaces.ts";
import type { Bitmap } from "./rle.ts";

/** Where each pixel lies between the samples: between `first` and `second`, with the share of the second. */
interface Axis {
  readonly first: Int32Array;
  readonly second: Int32Array;
  readonly share: Float32Array;
}

/** Where the logits (lowPx × lowPx), drawn at the image's size, exceed zero. */
export function drawnMask(logits: Float32Array, lowPx: number, sidePx: number, inner: Size, size: Size): Bitmap {
  const samples = framed(logits, lowPx, sidePx, inner);
  const rows = axis(inner.height_px, size.height_px);
  const columns = axis(inner.width_px, size.width_px);
  const cells = cellStarts(columns, inner.width_px);
  const bitmap = new Uint8Array(size.height_px * size.width_px);
  for (let y = 0; y < size.height_px; y++) {
    const line: Line = {
      upper: (rows.first[y] ?? 0) * inner.width_px,
      lower: (rows.second[y] ?? 0) * inner.width_px,
      share: rows.share[y] ?? 0,
    };
    drawLine(bitmap, y * size.width_px, samples, line, columns, cells);
  }
  return bitmap;
}

interface Line {
  readonly upper: number;
  readonly lower: number;
  readonly share: number;
}

function drawLine(
  bitmap: Bitmap,
  at: number,
  samples: Float32Array,
  line: Line,
  columns: Axis,
  cells: Int32Array,
): void {
  const last = cells.length - 2;
  for (let cell = 0; cell <= last; cell++) {
    const [from, to] = [cells[cell] ?? 0, cells[cell + 1] ?? 0];
    if (from === to) continue;
    const beside = Math.min(cell + 1, last);
    const a = samples[line.upper + cell] ?? 0;
    const b = samples[line.upper + beside] ?? 0;
    const c = samples[line.lower + cell] ?? 0;
    const d = samples[line.lower + beside] ?? 0;
    if (a > 0 && b > 0 && c > 0 && d > 0) {
      bitmap.fill(1, at + from, at + to);
    } else if (a > 0 || b > 0 || c > 0 || d > 0) {
      for (let x = from; x < to; x++) {
        const share = columns.share[x] ?? 0;
        if (between(between(a, b, share), between(c, d, share), line.share) > 0) bitmap[at + x] = 1;
      }
    }
  }
}

/** The samples of the frame that hold the image, row by row. */
function framed(logits: Float32Array, lowPx: number, sidePx: number, inner: Size): Float32Array {
  const places = axis(lowPx, sidePx);
  const { height_px: height, width_px: width } = inner;
  const samples = new Float32Array(height * width);
  for (let y = 0; y < height; y++) {
    const upper = (places.first[y] ?? 0) * lowPx;
    const lower = (places.second[y] ?? 0) * lowPx;
    const down = places.share[y] ?? 0;
    for (let x = 0; x < width; x++) {
      const [first, second, across] = [places.first[x] ?? 0, places.second[x] ?? 0, places.share[x] ?? 0];
      const above = between(logits[upper + first] ?? 0, logits[upper + second] ?? 0, across);
      const below = between(logits[lower + first] ?? 0, logits[lower + second] ?? 0, across);
      samples[y * width + x] = between(above, below, down);
    }
  }
  return samples;
}

/** The middles of `pixels` pixels among `samples` samples that cover the same length. */
function axis(samples: number, pixels: number): Axis {
  const scale = Math.fround(samples / pixels);
  const [first, second, share] = [new Int32Array(pixels), new Int32Array(pixels), new Float32Array(pixels)];
  for (let pixel = 0; pixel < pixels; pixel++) {
    const place = Math.max(0, Math.fround(scale * Math.fround(pixel + 0.5) - 0.5));
    const cell = Math.min(Math.trunc(place), samples - 1);
    first[pixel] = cell;
    second[pixel] = Math.min(cell + 1, samples - 1);
    share[pixel] = Math.min(1, Math.fround(place - cell));
  }
  return { first, second, share };
}

/** The first pixel of each cell, and the end of the last one. */
function cellStarts(columns: Axis, samples: number): Int32Array {
  const starts = new Int32Array(samples + 1);
  let cell = 0;
  columns.first.forEach((sample, pixel) => {
    while (cell < sample) starts[++cell] = pixel;
  });
  while (cell < samples) starts[++cell] = columns.first.length;
  return starts;
}

/** (1 − share) · lower + share · upper, fused: products of two singles are exact in double precision. */
function between(lower: number, upper: number, share: number): number {
  return Math.fround(Math.fround(1 - share) * lower + Math.fround(share * upper));
}
