/**
 * Noise that depends on nothing but (seed, row, column, channel); it knows no picture.
 *
 * The service's own generator, bit for bit: integer hashes give eight bytes per value, and their sum (Irwin and Hall) is
 * nearly normal. The seed of a result is its name, which only the service knows, so that noise is drawn anew there.
 */
import type { PixelBox } from "../geometry/pixels.ts";
import { widthOf, type Plane } from "./picture.ts";

const MEAN = (8 * 255) / 2;
const DEVIATION = Math.sqrt((8 * (256 * 256 - 1)) / 12); // of a sum of eight independent bytes, exactly
const BYTES = 0x00ff00ff;
const GOLDEN = 0x9e3779b9;

const f = Math.fround;

/** Add noise of mean 0 and the given standard deviation, at most 4.88 of them, to the planes of a box. */
export function addNoise(planes: readonly Plane[], box: PixelBox, seed: bigint, deviation: number): void {
  const width = widthOf(box);
  const unit = f(deviation / DEVIATION);
  for (let row = box.top, start = 0; row < box.bottom; row++, start += width) {
    const key = splitMix(seed ^ splitMix(BigInt(row)));
    const high = Number(key >> 32n) | 0;
    const low = Number(key & 0xffffffffn) | 0;
    for (const [channel, plane] of planes.entries()) {
      for (let at = 0; at < width; at++) {
        const counter = Math.imul((box.left + at) * 4 + channel, GOLDEN);
        const sums = bytePairs(mixed((high + counter) | 0)) + bytePairs(mixed(low ^ counter));
        const total = (sums & 0xffff) + (sums >>> 16) - MEAN;
        plane[start + at] = f((plane[start + at] as number) + f(total * unit));
      }
    }
  }
}

/** Two sums of two bytes each, in the halves of a word. */
function bytePairs(word: number): number {
  return (word & BYTES) + ((word >>> 8) & BYTES);
}

/** A bijective mix of 32 bits with low bias (Wellons, "Prospecting for hash functions", 2018). */
function mixed(word: number): number {
  word ^= word >>> 16;
  word = Math.imul(word, 0x7feb352d);
  word ^= word >>> 15;
  word = Math.imul(word, 0x846ca68b);
  return word ^ (word >>> 16);
}

/** SplitMix64 (Steele, Lea and Flood, 2014): one well mixed number of 64 bits from another, once a row. */
function splitMix(value: bigint): bigint {
  value = BigInt.asUintN(64, value + 0x9e3779b97f4a7c15n);
  value = BigInt.asUintN(64, (value ^ (value >> 30n)) * 0xbf58476d1ce4e5b9n);
  value = BigInt.asUintN(64, (value ^ (value >> 27n)) * 0x94d049bb133111ebn);
  return value ^ (value >> 31n);
}
