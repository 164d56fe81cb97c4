/**
 * Takes the old background's colour out of an object's edge; it knows no new background.
 *
 * The colour of the outermost pixels is drawn from the object's own inside, as the foreground term of blur fusion does
 * (Forte and Pitié, "Approximate Fast Foreground Colour Estimation", ICIP 2021).
 */
import type { PixelBox } from "../geometry/pixels.ts";
import { cut, lookedUp, placed } from "../masks/boxes.ts";
import { squaredDistances } from "../masks/distance.ts";
import { alphaWindow, type Alpha } from "../masks/regions.ts";
import { convolved, kernelRadius } from "./gaussian.ts";
import { around, heightOf, inner, planesOf, widthOf, type Picture, type Plane } from "./picture.ts";

const BAND_PX = 2; // how deep an edge is mistrusted
const SIGMA_PX = 2;

const f = Math.fround;
const SUPPORT_MIN = f(1e-3); // a part too thin to have an inside keeps its colours
const BYTES: Plane = Float32Array.from({ length: 256 }, (_, byte) => byte);

/** The picture with the colours of the region's outermost pixels (two of the full picture) drawn from its inside. */
export function defringed(picture: Picture, alpha: Alpha, scale: number): Picture {
  const sigmaPx = SIGMA_PX * scale;
  const reach = kernelRadius(sigmaPx);
  const wide = around(alpha.box, reach);
  const trust = trustOf(alpha, wide, scale);
  const share = inner(trust, wide, reach);
  const support = convolved(trust, widthOf(wide), sigmaPx);
  const rgba = picture.rgba.slice();
  for (const [channel, plane] of planesOf(picture, wide, BYTES, 3).entries()) {
    const own = inner(plane, wide, reach);
    for (let at = 0; at < plane.length; at++) plane[at] = (plane[at] as number) * (trust[at] as number);
    const inside = convolved(plane, widthOf(wide), sigmaPx);
    for (let at = 0; at < own.length; at++) {
      const isChosen = (alpha.values[at] as number) > 0 && (share[at] as number) < 1;
      if (!isChosen || !((support[at] as number) > SUPPORT_MIN)) continue;
      const drawn = f((inside[at] as number) / (support[at] as number));
      const mixed = f(drawn + f(f((own[at] as number) - drawn) * (share[at] as number)));
      rgba[placeOf(alpha, at) + channel] = Math.trunc(f(Math.min(Math.max(mixed, 0), 255) + 0.5));
    }
  }
  return { ...picture, rgba };
}

function placeOf({ box, size }: Alpha, at: number): number {
  const width = widthOf(box);
  return 4 * ((box.top + Math.floor(at / width)) * size.width_px + box.left + (at % width));
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
  const squares = squaredDistances(outside, { height_px: heightOf(known), width_px: widthOf(known) }, capPx);
  const table = Float32Array.from({ length: (capPx + 1) ** 2 + 1 }, (_, square) => {
    const depthPx = (Math.sqrt(square) - 0.5) / scale + 0.5; // in pixels of the full picture
    return Math.min(Math.max((depthPx - 1) / BAND_PX, 0), 1);
  });
  const nearSize = { height_px: heightOf(near), width_px: widthOf(near) };
  const within: PixelBox = {
    top: known.top - near.top,
    left: known.left - near.left,
    bottom: known.bottom - near.top,
    right: known.right - near.left,
  };
  const whole = placed(
    lookedUp(squares, table),
    within,
    new Float32Array(nearSize.height_px * nearSize.width_px),
    nearSize,
  );
  return cut(whole, nearSize, { top: capPx, left: capPx, bottom: capPx + heightOf(box), right: capPx + widthOf(box) });
}
