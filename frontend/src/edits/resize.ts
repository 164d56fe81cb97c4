/**
 * Lanczos resizing of whole pictures, in the fixed-point arithmetic of Pillow, which the service resizes with.
 *
 * Colour is weighted by opacity, so that hidden colours do not bleed. It knows no edit and no mask.
 */
import type { Size } from "../geometry/spaces.ts";
import type { Picture } from "./picture.ts";
import { halfEven } from "./rounding.ts";

type Bytes = Uint8ClampedArray<ArrayBuffer>;

const REACH = 3; // of the kernel, in pixels of the smaller picture
const BITS = 22; // of fractions

/** The picture at another size; the same object when it has it. */
export function resized(picture: Picture, size: Size): Picture {
  const { height_px: height, width_px: width } = picture.size;
  if (height === size.height_px && width === size.width_px) return picture;
  let rgba = premultiplied(picture.rgba);
  if (width !== size.width_px) rgba = resampledAcross(rgba, picture.size, size.width_px);
  if (height !== size.height_px) rgba = resampledDown(rgba, size.width_px, kernelsOf(height, size.height_px));
  return { rgba: divided(rgba), size, isGrey: picture.isGrey };
}

/** The size with its longer side at most `longSidePx`; it never grows. */
export function shrunkSize(size: Size, longSidePx: number): Size {
  const scale = longSidePx / Math.max(size.height_px, size.width_px);
  if (scale >= 1) return size;
  return {
    height_px: Math.max(1, halfEven(size.height_px * scale)),
    width_px: Math.max(1, halfEven(size.width_px * scale)),
  };
}

/** Where each new pixel's weights begin, and the weights: `count` of them for each, as fractions of 2^BITS. */
interface Kernels {
  readonly first: Int32Array;
  readonly weights: Int32Array;
  readonly count: number;
}

function kernelsOf(from: number, to: number): Kernels {
  const scale = from / to;
  const spread = Math.max(scale, 1);
  const support = REACH * spread;
  const count = Math.ceil(support) * 2 + 1;
  const first = new Int32Array(to);
  const weights = new Int32Array(to * count);
  for (let at = 0; at < to; at++) {
    const centre = (at + 0.5) * scale;
    const start = Math.max(0, Math.trunc(centre - support + 0.5));
    const end = Math.min(from, Math.trunc(centre + support + 0.5));
    const raw = Array.from({ length: end - start }, (_, step) => lanczos((step + start - centre + 0.5) / spread));
    const total = raw.reduce((sum, weight) => sum + weight, 0);
    first[at] = start;
    for (const [step, weight] of raw.entries()) {
      const share = (weight / total) * 2 ** BITS;
      weights[at * count + step] = Math.trunc(share < 0 ? share - 0.5 : share + 0.5);
    }
  }
  return { first, weights, count };
}

function lanczos(x: number): number {
  return x >= -REACH && x < REACH ? sinc(x) * sinc(x / REACH) : 0;
}

function sinc(x: number): number {
  return x === 0 ? 1 : Math.sin(x * Math.PI) / (x * Math.PI);
}

function resampledAcross(rgba: Bytes, { height_px: height, width_px: width }: Size, newWidth: number): Bytes {
  const { first, weights, count } = kernelsOf(width, newWidth);
  const result = new Uint8ClampedArray(4 * height * newWidth);
  for (let row = 0, place = 0; row < height; row++) {
    for (let at = 0; at < newWidth; at++) {
      const start = 4 * (row * width + (first[at] as number));
      const length = Math.min(count, width - (first[at] as number));
      for (let channel = 0; channel < 4; channel++) {
        result[place++] = weighted(rgba, start + channel, 4, weights, at * count, length);
      }
    }
  }
  return result;
}

function resampledDown(rgba: Bytes, width: number, { first, weights, count }: Kernels): Bytes {
  const stride = 4 * width;
  const result = new Uint8ClampedArray(stride * first.length);
  const height = rgba.length / stride;
  for (let row = 0, place = 0; row < first.length; row++) {
    const start = stride * (first[row] as number);
    const length = Math.min(count, height - (first[row] as number));
    for (let at = 0; at < stride; at++) {
      result[place++] = weighted(rgba, start + at, stride, weights, row * count, length);
    }
  }
  return result;
}

/** The sum of bytes, `stride` apart, by their weights, rounded; who stores it clamps it. */
function weighted(
  bytes: Bytes,
  start: number,
  stride: number,
  weights: Int32Array,
  from: number,
  length: number,
): number {
  let sum = 1 << (BITS - 1);
  for (let step = 0; step < length; step++) {
    sum = (sum + (bytes[start + step * stride] as number) * (weights[from + step] as number)) | 0;
  }
  return sum >> BITS;
}

function premultiplied(rgba: Bytes): Bytes {
  const result = rgba.slice();
  for (let place = 0; place < result.length; place += 4) {
    const opacity = result[place + 3] as number;
    if (opacity === 255) continue;
    for (let at = place; at < place + 3; at++) {
      const product = (result[at] as number) * opacity + 128;
      result[at] = ((product >> 8) + product) >> 8;
    }
  }
  return result;
}

/** The inverse of `premultiplied`, in place. */
function divided(rgba: Bytes): Bytes {
  for (let place = 0; place < rgba.length; place += 4) {
    const opacity = rgba[place + 3] as number;
    if (opacity === 255 || opacity === 0) continue;
    for (let at = place; at < place + 3; at++) {
      rgba[at] = Math.trunc((255 * (rgba[at] as number)) / opacity);
    }
  }
  return rgba;
}
