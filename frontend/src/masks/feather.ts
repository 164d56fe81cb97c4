/** The soft edge of a mask; it knows no region and no edit. */
import type { Size } from "../geometry/spaces.ts";
import { cut, inverted, lookedUp, pixelBox, placed, wider } from "./boxes.ts";
import { squaredDistances } from "./distance.ts";
import type { Bitmap } from "./rle.ts";

/**
 * Alpha of a mask: 0 outside, rising linearly inside to 1 at `featherPx` pixels from the edge.
 *
 * A pixel at Euclidean distance d from the nearest background pixel takes (d − 0.5) / featherPx, at most 1. The border
 * of the picture is no edge.
 */
export function feather(mask: Bitmap, size: Size, featherPx: number): Float32Array<ArrayBuffer> {
  const box = featherPx <= 0.5 ? null : pixelBox(mask, size); // below, the outermost pixels already reach 1
  if (!box) return new Float32Array(mask);
  const wide = wider(box, 1, size);
  const capPx = Math.trunc(featherPx + 0.5) + 1;
  const table = Float32Array.from({ length: (capPx + 1) ** 2 + 1 }, (_, square) =>
    Math.min(Math.max((Math.sqrt(square) - 0.5) / featherPx, 0), 1),
  );
  const outside = inverted(cut(mask, size, wide));
  const inner = { height_px: wide.bottom - wide.top, width_px: wide.right - wide.left };
  const squares = squaredDistances(outside, inner, capPx);
  return placed(lookedUp(squares, table), wide, new Float32Array(mask.length), size);
}
