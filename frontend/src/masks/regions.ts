/**
 * Regions: feathered masks and their algebra, as the alpha that edits follow; it knows no edit.
 *
 * The soft edge lies inside: alpha is above 0 exactly on the pixels of the mask or the expression. A negation is carried
 * down to the masks (De Morgan) and feathers their outside, so that `invert` and `subtract` are soft on their own side.
 */
import type { Region } from "../api/types.ts";
import type { PixelBox } from "../geometry/pixels.ts";
import type { Size } from "../geometry/spaces.ts";
import { cut, inverted, pixelBox } from "./boxes.ts";
import { feather } from "./feather.ts";
import type { Bitmap } from "./rle.ts";

/** A refined mask and the width of the soft edge inside it, in its own pixels. */
export interface SoftMask {
  readonly mask: Bitmap;
  readonly featherPx: number;
}

/** How much of an edit each pixel takes: values in [0, 1] of `box`, and 0 outside it. */
export interface Alpha {
  readonly values: Float32Array<ArrayBuffer>;
  readonly box: PixelBox;
  readonly size: Size;
}

/** The masks of templates, by the ids that regions name. */
export type Parts = ReadonlyMap<string, SoftMask>;

/** A region names a mask that is not there. */
export class MissingMask extends Error {
  override readonly name = "MissingMask";
}

/**
 * The alpha of a region: the maximum for a union, the minimum for an intersection, feathered outsides for the rest.
 *
 * Null for an empty region. Throws MissingMask for a name that `parts` does not hold.
 */
export function regionAlpha(region: Region, parts: Parts, size: Size): Alpha | null {
  return boxed(alphaOf(region, parts, size, false), size);
}

/** The alpha of a whole picture, kept on its tight box alone; null where it is 0 everywhere. */
export function boxed(values: Float32Array<ArrayBuffer>, size: Size): Alpha | null {
  const box = pixelBox(values, size);
  return box && { values: cut(values, size, box), box, size };
}

/** Alpha inside a box that may reach out of the picture, where it is 0. */
export function alphaWindow(alpha: Alpha, box: PixelBox): Float32Array<ArrayBuffer> {
  const width = box.right - box.left;
  const values = new Float32Array(width * (box.bottom - box.top));
  const own = alpha.box;
  const [left, right] = [Math.max(box.left, own.left), Math.min(box.right, own.right)];
  if (left >= right) return values;
  for (let row = Math.max(box.top, own.top); row < Math.min(box.bottom, own.bottom); row++) {
    const start = (row - own.top) * (own.right - own.left) - own.left;
    values.set(alpha.values.subarray(start + left, start + right), (row - box.top) * width + left - box.left);
  }
  return values;
}

function alphaOf(region: Region, parts: Parts, size: Size, isOutside: boolean): Float32Array<ArrayBuffer> {
  if (typeof region === "string") {
    const part = parts.get(region);
    if (!part) throw new MissingMask(region);
    return feather(isOutside ? inverted(part.mask) : part.mask, size, part.featherPx);
  }
  const [first, ...others] = region.of;
  if (first === undefined) throw new MissingMask("an expression without a region");
  if (region.op === "invert") return alphaOf(first, parts, size, !isOutside);
  const result = alphaOf(first, parts, size, isOutside);
  const takesLarger = (region.op === "union") !== isOutside;
  for (const other of others) {
    const values = alphaOf(other, parts, size, isOutside !== (region.op === "subtract"));
    for (let place = 0; place < result.length; place++) {
      const [one, two] = [result[place] as number, values[place] as number];
      result[place] = takesLarger === one > two ? one : two;
    }
  }
  return result;
}
