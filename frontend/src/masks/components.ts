/** Connected parts of a mask by their rows' runs; it knows no refinement and no image. */
import type { Size } from "../geometry/spaces.ts";
import type { Bitmap } from "./rle.ts";

/** The runs of all rows in reading order, and the first run of the part that each belongs to. */
interface Parts {
  readonly starts: number[];
  readonly ends: number[];
  readonly firsts: Int32Array;
  /** Pixels of the part, at its first run; 0 at all others. */
  readonly areas: Float64Array;
}

/**
 * The mask without its connected parts of fewer than `areaPxMin` pixels.
 *
 * `diagonal` says whether pixels that touch at a corner are connected; `keepFirst` keeps the part of the first pixel in
 * reading order, however small it is.
 */
export function withoutSmallParts(
  mask: Bitmap,
  size: Size,
  { areaPxMin, diagonal, keepFirst = false }: { areaPxMin: number; diagonal: boolean; keepFirst?: boolean },
): Bitmap {
  const parts = partsOf(mask, size, diagonal ? 1 : 0);
  if (keepFirst && parts.areas.length > 0) parts.areas[0] = Number.POSITIVE_INFINITY;
  return drawn(parts, mask.length, (first) => (parts.areas[first] as number) >= areaPxMin);
}

/** The largest connected part of a mask; the first in reading order where several are equal. */
export function largestPart(mask: Bitmap, size: Size, { diagonal }: { diagonal: boolean }): Bitmap {
  const parts = partsOf(mask, size, diagonal ? 1 : 0);
  let largest = 0;
  for (const [first, area] of parts.areas.entries()) if (area > (parts.areas[largest] as number)) largest = first;
  return drawn(parts, mask.length, (first) => first === largest);
}

function partsOf(mask: Bitmap, { height_px: height, width_px: width }: Size, reach: number): Parts {
  const starts: number[] = [];
  const ends: number[] = [];
  const rows: number[] = [0];
  for (let row = 0; row < height; row++) {
    for (let place = row * width, end = place + width; place < end; place++) {
      if (!mask[place]) continue;
      starts.push(place);
      while (place < end && mask[place]) place++;
      ends.push(place);
    }
    rows.push(starts.length);
  }
  const firsts = Int32Array.from(starts, (_, run) => run);
  for (let row = 1; row < height; row++) joinRows(firsts, { starts, ends, rows, row, width, reach });
  const areas = new Float64Array(starts.length);
  for (let run = 0; run < starts.length; run++) {
    const first = rootOf(firsts, run);
    firsts[run] = first;
    areas[first] = (areas[first] as number) + (ends[run] as number) - (starts[run] as number);
  }
  return { starts, ends, firsts, areas };
}

/** Join the runs of a row with those of the row above that they touch. */
function joinRows(
  firsts: Int32Array,
  runs: { starts: number[]; ends: number[]; rows: number[]; row: number; width: number; reach: number },
): void {
  const { starts, ends, rows, row, width, reach } = runs;
  const [aboveEnd, end] = [rows[row] as number, rows[row + 1] as number];
  let above = rows[row - 1] as number;
  for (let run = aboveEnd; run < end; run++) {
    const left = (starts[run] as number) - width - reach;
    const right = (ends[run] as number) - width + reach;
    while (above < aboveEnd && (ends[above] as number) <= left) above++;
    for (let touched = above; touched < aboveEnd && (starts[touched] as number) < right; touched++) {
      const [one, other] = [rootOf(firsts, run), rootOf(firsts, touched)];
      firsts[Math.max(one, other)] = Math.min(one, other);
    }
  }
}

function rootOf(firsts: Int32Array, run: number): number {
  while (firsts[run] !== run) {
    firsts[run] = firsts[firsts[run] as number] as number; // halves the way for the next who asks
    run = firsts[run] as number;
  }
  return run;
}

function drawn({ starts, ends, firsts }: Parts, length: number, isKept: (first: number) => boolean): Bitmap {
  const mask = new Uint8Array(length);
  for (const [run, first] of firsts.entries()) if (isKept(first)) mask.fill(1, starts[run], ends[run]);
  return mask;
}
