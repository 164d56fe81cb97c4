/**
 * Takes the old background's colour out of an object's edge; it knows no new background.
 *
 * The colour of the outermost pixels is drawn from the object's own inside, as the foreground term of blur fusion does
 * (Forte and Pitié, "Approximate Fast Foreground Colour Estimation", ICIP 2021).
 */
import type { PixelBox } from "../geometry/pixels.ts";
import type { Size } from "../geometry/spaces.ts";
import { cut, lookedUp, placed } from "../masks/boxes.ts";
import { squaredDistances } from "../masks/distance.ts";
import { alphaWindow, type Alpha } from "../masks/regions.ts";
import { convolved, kernelRadius } from "./gaussian.ts";
import { around, heightOf, inner, planesOf, widthOf, type Picture, type Plane } from "./picture.ts";

const BAND_PX = 2; // how deep an edge is mistrusted
const SIGMA_PX = 2;
const TILE_PX = 32;

const f = Math.fround;
const SUPPORT_MIN = f(1e-3); // a part too thin to have an inside keeps its colours
const BYTES: Plane = Float32Array.from({ length: 256 }, (_, byte) => byte);

/** The picture with the colours of the region's outermost pixels (two of the full picture) drawn from its inside. */
export function defringed(picture: Picture, alpha: Alpha, scale: number): Picture {
  const sigmaPx = SIGMA_PX * scale;
  const wide = around(alpha.box, kernelRadius(sigmaPx));
  const trust = trustOf(alpha, wide, scale);
  const result = { ...picture, rgba: picture.rgba.slice() };
  for (const tile of tilesOf(alpha.box)) recolour(picture, result, { alpha, tile, trust, wide, sigmaPx });
  return result;
}

/** The box in squares, since most of a region has no edge in it. */
function* tilesOf(box: PixelBox): Generator<PixelBox> {
  for (let top = box.top; top < box.bottom; top += TILE_PX) {
    for (let left = box.left; left < box.right; left += TILE_PX) {
      yield { top, left, bottom: Math.min(box.bottom, top + TILE_PX), right: Math.min(box.right, left + TILE_PX) };
    }
  }
}

interface Edge {
  readonly alpha: Alpha;
  readonly tile: PixelBox;
  /** How surely each pixel of `wide` is object. */
  readonly trust: Plane;
  readonly wide: PixelBox;
  readonly sigmaPx: number;
}

/** Write the cleaned pixels of one tile into `result`. */
function recolour(picture: Picture, result: Picture, { alpha, tile, trust, wide, sigmaPx }: Edge): void {
  const reach = kernelRadius(sigmaPx);
  const near = around(tile, reach);
  const nearTrust = cut(trust, sizeOf(wide), within(near, wide));
  const share = inner(nearTrust, near, reach);
  const inside = alphaWindow(alpha, tile);
  if (!share.some((value, at) => value < 1 && (inside[at] as number) > 0)) return;
  const support = convolved(nearTrust, widthOf(near), sigmaPx);
  const width = widthOf(tile);
  for (const [channel, plane] of planesOf(picture, near, BYTES, 3).entries()) {
    const own = inner(plane, near, reach);
    for (let at = 0; at < plane.length; at++) plane[at] = (plane[at] as number) * (nearTrust[at] as number);
    const mean = convolved(plane, widthOf(near), sigmaPx);
    for (let at = 0; at < own.length; at++) {
      const isChosen = (inside[at] as number) > 0 && (share[at] as number) < 1;
      if (!isChosen || !((support[at] as number) > SUPPORT_MIN)) continue;
      const drawn = f((mean[at] as number) / (support[at] as number));
      const mixed = f(drawn + f(f((own[at] as number) - drawn) * (share[at] as number)));
      const pixel = (tile.top + Math.floor(at / width)) * picture.size.width_px + tile.left + (at % width);
      result.rgba[4 * pixel + channel] = Math.trunc(f(Math.min(Math.max(mixed, 0), 255) + 0.5));
    }
  }
}

/**
 * How surely each pixel is object: 0 outside and on the outermost pixel, 1 from three pixels of the full picture inwards.
 *
 * The border of the picture is no edge; beyond it there is nothing to trust.
 */
function trustOf(alpha: Alpha, box: PixelBox, scale: number): Plane {
  const capPx = Math.ceil((BAND_PX + 0.5) * scale + 0.5);
  const near = around(box, capPx);
  const known: PixelBox = {
    top: Math.max(0, near.top),
    left: Math.max(0, near.left),
    bottom: Math.min(alpha.size.height_px, near.bottom),
    right: Math.min(alpha.size.width_px, near.right),
  };
  const inside = alphaWindow(alpha, known);
  const outside = new Uint8Array(inside.length);
  for (let at = 0; at < outside.length; at++) outside[at] = inside[at] === 0 ? 1 : 0;
  const squares = squaredDistances(outside, sizeOf(known), capPx);
  const table = Float32Array.from({ length: (capPx + 1) ** 2 + 1 }, (_, square) => {
    const depthPx = (Math.sqrt(square) - 0.5) / scale + 0.5; // in pixels of the full picture
    return Math.min(Math.max((depthPx - 1) / BAND_PX, 0), 1);
  });
  const whole = new Float32Array(heightOf(near) * widthOf(near));
  placed(lookedUp(squares, table), within(known, near), whole, sizeOf(near));
  return inner(whole, near, capPx);
}

/** A box counted from the corner of another. */
function within(box: PixelBox, outer: PixelBox): PixelBox {
  return {
    top: box.top - outer.top,
    left: box.left - outer.left,
    bottom: box.bottom - outer.top,
    right: box.right - outer.left,
  };
}

function sizeOf(box: PixelBox): Size {
  return { height_px: heightOf(box), width_px: widthOf(box) };
}
