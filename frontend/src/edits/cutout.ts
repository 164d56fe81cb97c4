/** Cut-outs: the object of a region on another background, by the service's formulas; it fetches no picture. */
import type { Cutout } from "../api/types.ts";
import type { PixelBox } from "../geometry/pixels.ts";
import type { Size } from "../geometry/spaces.ts";
import { wider } from "../masks/boxes.ts";
import { alphaWindow, type Alpha } from "../masks/regions.ts";
import { levelsOf } from "./colour.ts";
import { defringed } from "./defringe.ts";
import { blurred } from "./gaussian.ts";
import { heightOf, planesOf, UNIT, wholeOf, widthOf, type Picture, type Plane } from "./picture.ts";
import { resized } from "./resize.ts";
import { halfEven } from "./rounding.ts";

const f = Math.fround;
const WEIGHT_MIN = f(1e-4); // far inside the object, where the object itself covers the background

/** The picture behind a cut-out is not there (yet). */
export class MissingBackground extends Error {
  override readonly name = "MissingBackground";
}

/**
 * The region of `picture` on the background that `cutout` names; the size stays.
 *
 * transparent: opacity is alpha times the source's own, and fully transparent pixels are black. colour and image (resized
 * to cover, centred): the result is opaque. blur: the source's own background, without the object's colours in it, under
 * the source's own opacity. `scale` is the size of this picture against the full one.
 */
export function cutOut(
  picture: Picture,
  alpha: Alpha,
  cutout: Cutout,
  { background, scale = 1 }: { background?: Picture | undefined; scale?: number } = {},
): Picture {
  const object = cutout.defringe ? defringed(picture, alpha, scale) : picture;
  const share = alphaWindow(alpha, wholeOf(picture.size));
  if (cutout.background !== "blur") weighByOpacity(share, picture);
  if (cutout.background === "transparent") return transparent(object, share);
  const behind = planesBehind(picture, alpha, cutout, { background, scale });
  const isGrey = picture.isGrey && behind.isGrey;
  const rgba = new Uint8ClampedArray(picture.rgba.length).fill(255);
  for (const [channel, plane] of behind.planes.entries()) {
    for (let at = 0, place = channel; at < share.length; at++, place += 4) {
      const back = plane[at] as number;
      const front = UNIT[object.rgba[place] as number] as number;
      rgba[place] = byteOf(f(back + f(f(front - back) * (share[at] as number))));
    }
  }
  if (cutout.background === "blur") {
    for (let place = 3; place < rgba.length; place += 4) rgba[place] = picture.rgba[place] as number;
  }
  return { rgba, size: picture.size, isGrey };
}

/** What a cut-out keeps of the picture: all of it, or the region with a margin. */
export function cropOf(alpha: Alpha, cutout: Cutout): PixelBox {
  if (!cutout.crop) return wholeOf(alpha.size);
  const marginPx = halfEven(cutout.margin * Math.max(heightOf(alpha.box), widthOf(alpha.box)));
  return wider(alpha.box, marginPx, alpha.size);
}

/** The part of a picture inside a box. */
export function cropped(picture: Picture, box: PixelBox): Picture {
  const size = { height_px: heightOf(box), width_px: widthOf(box) };
  if (size.height_px === picture.size.height_px && size.width_px === picture.size.width_px) return picture;
  const rgba = new Uint8ClampedArray(4 * size.height_px * size.width_px);
  for (let row = 0; row < size.height_px; row++) {
    const start = 4 * ((box.top + row) * picture.size.width_px + box.left);
    rgba.set(picture.rgba.subarray(start, start + 4 * size.width_px), 4 * row * size.width_px);
  }
  return { rgba, size, isGrey: picture.isGrey };
}

/** The picture resized to cover a size and cut to it around the centre; white where it is transparent. */
export function covering(picture: Picture, { height_px: height, width_px: width }: Size): Picture {
  const { height_px: ownHeight, width_px: ownWidth } = picture.size;
  const scale = Math.max(height / ownHeight, width / ownWidth);
  const tall = Math.max(height, halfEven(ownHeight * scale));
  const wide = Math.max(width, halfEven(ownWidth * scale));
  const large = resized(onWhite(picture), { height_px: tall, width_px: wide });
  const [top, left] = [Math.floor((tall - height) / 2), Math.floor((wide - width) / 2)];
  return cropped(large, { top, left, bottom: top + height, right: left + width });
}

function transparent(object: Picture, share: Plane): Picture {
  const rgba = new Uint8ClampedArray(object.rgba.length);
  for (let at = 0, place = 0; at < share.length; at++, place += 4) {
    const opacity = byteOf(share[at] as number);
    if (opacity === 0) continue;
    for (let channel = 0; channel < 3; channel++) rgba[place + channel] = object.rgba[place + channel] as number;
    rgba[place + 3] = opacity;
  }
  return { rgba, size: object.size, isGrey: object.isGrey };
}

function weighByOpacity(share: Plane, { rgba }: Picture): void {
  for (let at = 0; at < share.length; at++) {
    const opacity = rgba[4 * at + 3] as number;
    if (opacity < 255) share[at] = (share[at] as number) * (UNIT[opacity] as number);
  }
}

interface Behind {
  readonly planes: readonly Plane[];
  readonly isGrey: boolean;
}

function planesBehind(
  picture: Picture,
  alpha: Alpha,
  cutout: Cutout,
  { background, scale }: { background: Picture | undefined; scale: number },
): Behind {
  if (cutout.background === "blur") {
    return { planes: blurredBehind(picture, alpha, cutout.radius * scale), isGrey: true };
  }
  if (cutout.background === "image") {
    if (!background) throw new MissingBackground(cutout.image_id ?? "");
    const cover = covering(background, picture.size);
    return { planes: planesOf(cover, wholeOf(cover.size), UNIT, 3), isGrey: cover.isGrey };
  }
  const levels = levelsOf(cutout.colour);
  const pixels = picture.rgba.length / 4;
  return {
    planes: levels.map((level) => new Float32Array(pixels).fill(level)),
    isGrey: new Set(levels).size === 1,
  };
}

/** The background blurred with the object left out: a Gaussian mean weighted by 1 − alpha. */
function blurredBehind(picture: Picture, alpha: Alpha, sigmaPx: number): Plane[] {
  const weighted = (box: PixelBox): Plane[] => {
    const weight = alphaWindow(alpha, box);
    for (let at = 0; at < weight.length; at++) weight[at] = Math.max(f(1 - (weight[at] as number)), WEIGHT_MIN);
    const planes = planesOf(picture, box, UNIT, 3);
    for (const plane of planes) {
      for (let at = 0; at < plane.length; at++) plane[at] = (plane[at] as number) * (weight[at] as number);
    }
    return [...planes, weight];
  };
  const planes = blurred(weighted, sigmaPx, wholeOf(picture.size));
  const weight = planes.pop() ?? new Float32Array();
  for (const plane of planes) {
    for (let at = 0; at < plane.length; at++) plane[at] = (plane[at] as number) / (weight[at] as number);
  }
  return planes;
}

function onWhite(picture: Picture): Picture {
  const rgba = picture.rgba.slice();
  for (let place = 0; place < rgba.length; place += 4) {
    const opacity = rgba[place + 3] as number;
    if (opacity === 255) continue;
    for (let at = place; at < place + 3; at++) {
      rgba[at] = Math.floor(((rgba[at] as number) * opacity + 255 * (255 - opacity) + 127) / 255);
    }
    rgba[place + 3] = 255;
  }
  return { ...picture, rgba };
}

function byteOf(value: number): number {
  return Math.trunc(f(f(Math.min(Math.max(value, 0), 1) * 255) + 0.5));
}
