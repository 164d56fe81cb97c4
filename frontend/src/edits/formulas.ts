/**
 * The edits of one region of a picture, by the service's own formulas; it knows no template, recipe or file.
 *
 * All arithmetic is rounded to 32 bits in the service's order: the same source, region and edits give the same bytes.
 * Beyond its border the picture goes on with its edge pixels.
 */
import type { Edits } from "../api/types.ts";
import type { PixelBox } from "../geometry/pixels.ts";
import type { Alpha } from "../masks/regions.ts";
import { cover, saturate, turn } from "./colour.ts";
import { blurred, convolved, kernelRadius } from "./gaussian.ts";
import { addNoise } from "./noise.ts";
import { around, inner, planesOf, UNIT, widthOf, type Picture, type Plane } from "./picture.ts";
import { changesPixels, isNeutral } from "./recipe.ts";
import { toneTable } from "./tone.ts";

const SHARPEN_SIGMA_PX = 1;

const f = Math.fround;

export interface Look {
  /** The seed of the noise, 64 bits. */
  readonly seed: bigint;
  /**
   * The size of this picture against the full one. Radii are in pixels of the full picture and shrink with it, and so
   * does the noise, since a small picture's pixels are means of the full one's.
   */
  readonly scale?: number;
}

/**
 * The picture with the edits (all but cutout and thumbnail) blended in by alpha; the same object if none acts.
 *
 * Bytes where alpha is 0, and the picture's own opacity, are left as they are. Hue and saturation pass by a grey picture,
 * its noise is the same in all channels, and paint makes it a picture of colour.
 */
export function applyEdits(picture: Picture, alpha: Alpha | null, edits: Edits, { seed, scale = 1 }: Look): Picture {
  const acting = picture.isGrey ? { ...edits, hue: 0, saturation: 0 } : edits;
  if (!alpha || !changesPixels(acting)) return picture;
  const isGrey = picture.isGrey && isNeutral("paint", acting);
  const planes = detailed((box) => pointwise(picture, box, acting, isGrey ? 1 : 3), acting, alpha.box, scale);
  if (acting.noise > 0) addNoise(planes, alpha.box, seed, acting.noise * scale);
  const result = { rgba: picture.rgba.slice(), size: picture.size, isGrey };
  blend(result, planes, alpha, f(acting.opacity));
  return result;
}

/** Blur and sharpen. */
function detailed(source: (box: PixelBox) => Plane[], edits: Edits, box: PixelBox, scale: number): Plane[] {
  const sigmaPx = (edits.blur?.radius ?? 0) * scale;
  if (edits.sharpen === 0) return blurred(source, sigmaPx, box);
  const sharpenSigmaPx = SHARPEN_SIGMA_PX * scale;
  const reach = kernelRadius(sharpenSigmaPx);
  const wide = around(box, reach);
  const amount = f(edits.sharpen);
  return blurred(source, sigmaPx, wide).map((plane) => {
    const result = inner(plane, wide, reach);
    const smooth = convolved(plane, widthOf(wide), sharpenSigmaPx);
    for (let at = 0; at < result.length; at++) {
      const centre = result[at] as number;
      result[at] = f(f(f(centre - (smooth[at] as number)) * amount) + centre);
    }
    return result;
  });
}

/** Tone, hue, saturation and paint. */
function pointwise(picture: Picture, box: PixelBox, edits: Edits, channels: number): Plane[] {
  const planes = planesOf(picture, box, toneTable(edits), channels);
  const [red, green, blue] = planes;
  if (!red || !green || !blue) return planes;
  if (edits.hue !== 0) turn([red, green, blue], edits.hue);
  if (edits.saturation !== 0) saturate([red, green, blue], edits.saturation);
  if (edits.paint && edits.paint.strength > 0) cover([red, green, blue], edits.paint);
  return planes;
}

/** original + (edited − original) · alpha · opacity, rounded to the nearest byte. */
function blend({ rgba, size }: Picture, planes: readonly Plane[], { values, box }: Alpha, opacity: number): void {
  const width = widthOf(box);
  for (let channel = 0; channel < 3; channel++) {
    const plane = planes[channel] ?? planes[0] ?? UNIT;
    for (let row = box.top, at = 0; row < box.bottom; row++) {
      let place = 4 * (row * size.width_px + box.left) + channel;
      for (const end = at + width; at < end; at++, place += 4) {
        const share = f((values[at] as number) * opacity);
        if (share === 0) continue;
        const edited = Math.min(Math.max(plane[at] as number, 0), 1);
        const original = UNIT[rgba[place] as number] as number;
        const mixed = f(f(f(edited - original) * share) + original);
        rgba[place] = Math.trunc(f(f(mixed * 255) + 0.5));
      }
    }
  }
}
