/**
 * Refinement of raw masks: islands, holes, grow or shrink; it knows no segmenter.
 *
 * Growing and shrinking use a Euclidean disc. The border of the picture is no edge of the object: shrinking does not eat
 * from it.
 */
import type { Refinement } from "../api/types.ts";
import type { Size } from "../geometry/spaces.ts";
import { cut, inverted, pixelBox, placed, wider } from "./boxes.ts";
import { largestPart, withoutSmallParts } from "./components.ts";
import { squaredDistances } from "./distance.ts";
import type { Bitmap } from "./rle.ts";

/**
 * A raw mask refined in the contract's order: islands, holes, grow or shrink (the soft edge is `feather`'s).
 *
 * `scale` is the size of this mask's picture against the full one, since radii are in pixels of the full picture.
 */
export function refine(mask: Bitmap, size: Size, refinement: Refinement, scale = 1): Bitmap {
  const refined = withoutIslands(mask, size, refinement.island_area_min * mask.length);
  return grown(withoutHoles(refined, size, refinement.hole_area_min * mask.length), size, refinement.grow_px * scale);
}

/** The mask without its 8-connected parts smaller than `areaPxMin`; when all are smaller the largest stays. */
export function withoutIslands(mask: Bitmap, size: Size, areaPxMin: number): Bitmap {
  if (areaPxMin <= 1 || !mask.includes(1)) return mask;
  const kept = withoutSmallParts(mask, size, { areaPxMin, diagonal: true });
  return kept.includes(1) ? kept : largestPart(mask, size, { diagonal: true });
}

/**
 * The mask with its holes smaller than `areaPxMin` filled.
 *
 * A hole is a 4-connected part of the background that does not touch the border of the mask's box.
 */
export function withoutHoles(mask: Bitmap, size: Size, areaPxMin: number): Bitmap {
  const box = areaPxMin <= 1 ? null : pixelBox(mask, size);
  if (!box) return mask;
  const ringed = { height_px: box.bottom - box.top + 2, width_px: box.right - box.left + 2 };
  const inner = { top: 1, left: 1, bottom: ringed.height_px - 1, right: ringed.width_px - 1 };
  const background = inverted(cut(mask, size, box));
  // A ring joins all that reaches the border of the box, and is the first part.
  const outside = placed(background, inner, new Uint8Array(ringed.height_px * ringed.width_px).fill(1), ringed);
  const kept = withoutSmallParts(outside, ringed, { areaPxMin, diagonal: false, keepFirst: true });
  const filled = inverted(cut(kept, ringed, inner));
  return placed(filled, box, new Uint8Array(mask.length), size);
}

/** The mask grown by a Euclidean disc of `radiusPx` pixels, or shrunk when it is negative. */
export function grown(mask: Bitmap, size: Size, radiusPx: number): Bitmap {
  const box = radiusPx === 0 ? null : pixelBox(mask, size);
  if (!box) return mask;
  const capPx = Math.ceil(Math.abs(radiusPx));
  const wide = wider(box, radiusPx > 0 ? capPx : 1, size);
  const inner = cut(mask, size, wide);
  const innerSize = { height_px: wide.bottom - wide.top, width_px: wide.right - wide.left };
  const seeds = radiusPx > 0 ? inner : inverted(inner);
  const squares = squaredDistances(seeds, innerSize, capPx);
  const limit = radiusPx * radiusPx;
  const reached = new Uint8Array(squares.length);
  for (let place = 0; place < reached.length; place++) {
    reached[place] = (squares[place] as number) <= limit === radiusPx > 0 ? 1 : 0;
  }
  return placed(reached, wide, new Uint8Array(mask.length), size);
}
