/**
 * Hue, saturation and paint on planes of red, green and blue, in place; it knows no mask and no neighbourhood.
 *
 * Each step is rounded to 32 bits as the service rounds it, so that the same bits come out.
 */
import type { Paint } from "../api/types.ts";
import type { Plane } from "./picture.ts";

export type Planes = readonly [Plane, Plane, Plane];
type Levels = readonly [number, number, number];

const f = Math.fround;
const LUMA: Levels = [f(0.3), f(0.59), f(0.11)];
const LEAST = f(1e-6);

/** The bytes of `#RRGGBB`. */
export function rgbOf(colour: string): Levels {
  const byte = (at: number): number => Number.parseInt(colour.slice(at, at + 2), 16);
  return [byte(1), byte(3), byte(5)];
}

/** The sRGB levels in [0, 1] of `#RRGGBB`. */
export function levelsOf(colour: string): Levels {
  const [red, green, blue] = rgbOf(colour);
  return [f(red / 255), f(green / 255), f(blue / 255)];
}

/** HSV saturation times (1 + saturation), clipped at 1, with hue and value kept. */
export function saturate([reds, greens, blues]: Planes, saturation: number): void {
  const most = f(1 + saturation);
  for (let at = 0; at < reds.length; at++) {
    const red = reds[at] as number;
    const green = greens[at] as number;
    const blue = blues[at] as number;
    const value = Math.max(red, green, blue);
    const chroma = f(value - Math.min(red, green, blue));
    const factor = Math.min(most, f(value / (chroma > 0 ? chroma : 1))); // value / chroma is one over the saturation
    reds[at] = Math.max(f(value - f(f(value - red) * factor)), 0);
    greens[at] = Math.max(f(value - f(f(value - green) * factor)), 0);
    blues[at] = Math.max(f(value - f(f(value - blue) * factor)), 0);
  }
}

/** HSV hue turned by degrees, with saturation and value kept. */
export function turn([reds, greens, blues]: Planes, degrees: number): void {
  const turned = f((degrees % 360 < 0 ? (degrees % 360) + 360 : degrees % 360) / 60);
  for (let at = 0; at < reds.length; at++) {
    const red = reds[at] as number;
    const green = greens[at] as number;
    const blue = blues[at] as number;
    const value = Math.max(red, green, blue);
    const chroma = f(value - Math.min(red, green, blue));
    const safe = chroma > 0 ? chroma : 1;
    let hue: number; // in sixths of a turn, in [−1, 5]; 0 for grey
    if (value === red) hue = f(f(green - blue) / safe);
    else if (value === green) hue = f(f(f(blue - red) / safe) + 2);
    else hue = f(f(f(red - green) / safe) + 4);
    hue = f(hue + turned);
    reds[at] = fromHue(f(hue + 5), value, chroma);
    greens[at] = fromHue(f(hue + 3), value, chroma);
    blues[at] = fromHue(f(hue + 1), value, chroma);
  }
}

function fromHue(sector: number, value: number, chroma: number): number {
  sector = f(sector - f(Math.floor(f(sector / 6)) * 6));
  const share = Math.max(Math.min(sector, f(4 - sector), 1), 0);
  return f(value - f(share * chroma));
}

/**
 * Planes blended by `strength` towards the paint.
 *
 * With `keep_shading` the paint takes the luminosity of each pixel (the blend mode "color" of W3C Compositing and
 * Blending Level 1, as CSS has it); without, it is the plain colour.
 */
export function cover(planes: Planes, paint: Paint): void {
  if (paint.keep_shading) coverShaded(planes, paint);
  else coverPlain(planes, paint);
}

function coverPlain(planes: Planes, { colour, strength }: Paint): void {
  const share = f(strength);
  const levels = levelsOf(colour);
  for (const [channel, plane] of planes.entries()) {
    const level = levels[channel] as number;
    for (let at = 0; at < plane.length; at++) {
      const own = plane[at] as number;
      plane[at] = f(own + f(f(level - own) * share));
    }
  }
}

/** The colour with the luminosity of each pixel, pulled back into [0, 1] around that luminosity. */
function coverShaded([reds, greens, blues]: Planes, { colour, strength }: Paint): void {
  const share = f(strength);
  const levels = levelsOf(colour);
  const own = luminosity(...levels);
  const [offRed, offGreen, offBlue] = [f(levels[0] - own), f(levels[1] - own), f(levels[2] - own)];
  const up = Math.max(offRed, offGreen, offBlue, LEAST);
  const down = Math.max(-Math.min(offRed, offGreen, offBlue), LEAST);
  for (let at = 0; at < reds.length; at++) {
    const red = reds[at] as number;
    const green = greens[at] as number;
    const blue = blues[at] as number;
    const luma = luminosity(red, green, blue);
    const shrink = Math.min(1, f(Math.max(f(1 - luma), 0) / up), f(Math.max(luma, 0) / down));
    reds[at] = f(red + f(f(unit(f(luma + f(shrink * offRed))) - red) * share));
    greens[at] = f(green + f(f(unit(f(luma + f(shrink * offGreen))) - green) * share));
    blues[at] = f(blue + f(f(unit(f(luma + f(shrink * offBlue))) - blue) * share));
  }
}

function luminosity(red: number, green: number, blue: number): number {
  return f(f(f(red * LUMA[0]) + f(green * LUMA[1])) + f(blue * LUMA[2]));
}

function unit(value: number): number {
  return Math.min(Math.max(value, 0), 1);
}
