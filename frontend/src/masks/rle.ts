/**
 * COCO's compressed run-length text to bitmaps and back; it knows no screen.
 *
 * Runs go down the columns first and begin with background. A bitmap is row by row, 1 inside the mask and 0 outside.
 */
import type { PixelBox } from "../geometry/pixels.ts";
import type { Size } from "../geometry/spaces.ts";

/** A mask as the API says it. */
export interface Rle {
  readonly size: Size;
  readonly counts: string;
}

export type Bitmap = Uint8Array<ArrayBuffer>;

/** The text is none, or does not fill the image. */
export class InvalidMask extends Error {
  override readonly name = "InvalidMask";
}

const FIRST = 48; // digits are written as the characters from "0" on: five bits of value and one that says "more"
const MORE = 32;
const SIGN = 16;
const DIGITS_MAX = 7; // of one run: more than any image needs

/** The run lengths in turn, background first; throws InvalidMask, at the end also when they do not fill the image. */
export function* runsOf(rle: Rle): Generator<number> {
  let beforeLast = 0;
  let last = 0;
  let filled = 0;
  let at = 0;
  for (let index = 0; at < rle.counts.length; index++) {
    let value = 0;
    let weight = 1;
    let digit = MORE;
    for (let digits = 0; digit & MORE; digits++) {
      digit = rle.counts.charCodeAt(at++) - FIRST;
      if (!(digit >= 0 && digit < 64) || digits === DIGITS_MAX) throw new InvalidMask("This is no run-length text.");
      value += (digit & 31) * weight;
      weight *= 32;
    }
    if (digit & SIGN) value -= weight;
    const run = index > 2 ? value + beforeLast : value;
    if (run < 0) throw new InvalidMask("This is no run-length text.");
    yield run;
    filled += run;
    beforeLast = last;
    last = run;
  }
  if (filled !== pixelsOf(rle.size)) throw new InvalidMask("The run lengths do not fill the image.");
}

export function decodeRle(rle: Rle): Bitmap {
  const { height_px: height, width_px: width } = rle.size;
  const bitmap = new Uint8Array(height * width);
  for (const [start, end] of strips(rle)) {
    let row = start % height;
    let place = row * width + (start - row) / height;
    for (let at = start; at < end; at++) {
      bitmap[place] = 1;
      place += width;
      if (++row === height) {
        row = 0;
        place += 1 - height * width;
      }
    }
  }
  return bitmap;
}

export function encodeRle(bitmap: Uint8Array, size: Size): Rle {
  const { height_px: height, width_px: width } = size;
  if (bitmap.length !== height * width) throw new InvalidMask("The bitmap is not of this size.");
  const runs: number[] = [];
  let start = 0;
  let value = 0;
  for (let column = 0; column < width; column++) {
    for (let row = 0, place = column; row < height; row++, place += width) {
      if (bitmap[place] === value) continue;
      const at = column * height + row;
      runs.push(at - start);
      start = at;
      value = 1 - value;
    }
  }
  runs.push(height * width - start);
  return { size, counts: textOf(runs) };
}

/** How many pixels a mask has. */
export function areaOf(rle: Rle): number {
  let area = 0;
  for (const [start, end] of strips(rle)) area += end - start;
  return area;
}

/** The smallest box that holds a mask; null for an empty one. */
export function boxOf(rle: Rle): PixelBox | null {
  const height = rle.size.height_px;
  let [top, left, bottom, right] = [height, rle.size.width_px, 0, 0];
  for (const [start, end] of strips(rle)) {
    const [first, last] = [Math.floor(start / height), Math.floor((end - 1) / height)];
    left = Math.min(left, first);
    right = Math.max(right, last + 1);
    top = first === last ? Math.min(top, start % height) : 0;
    bottom = first === last ? Math.max(bottom, ((end - 1) % height) + 1) : height;
  }
  return right > left ? { top, left, bottom, right } : null;
}

/** Where a mask lies, as [start, end) of the image's pixels counted down the columns. */
export function* strips(rle: Rle): Generator<readonly [number, number]> {
  let at = 0;
  let isInside = false;
  for (const run of runsOf(rle)) {
    if (isInside && run > 0) yield [at, at + run];
    at += run;
    isInside = !isInside;
  }
}

function textOf(runs: readonly number[]): string {
  const codes: number[] = [];
  runs.forEach((run, index) => {
    let value = index > 2 ? run - (runs[index - 2] ?? 0) : run;
    for (let isLast = false; !isLast;) {
      const digit = value & 31;
      value >>= 5;
      isLast = value === (digit & SIGN ? -1 : 0);
      codes.push(FIRST + digit + (isLast ? 0 : MORE));
    }
  });
  let text = "";
  for (let at = 0; at < codes.length; at += 8192) text += String.fromCharCode(...codes.slice(at, at + 8192));
  return text;
}

function pixelsOf(size: Size): number {
  return size.height_px * size.width_px;
}
