/** Masks as coloured pixels over a picture; it knows no canvas and no outline. */
import type { Field } from "./field.ts";
import type { Bitmap } from "./rle.ts";

/** Red, green and blue, each in [0, 255]. */
export type Rgb = readonly [number, number, number];

/** What an ImageData holds: four bytes a pixel. */
export type Pixels = Uint8ClampedArray<ArrayBuffer>;

/** The colour that `#rrggbb` says; throws RangeError for anything else. */
export function rgbOf(colour: string): Rgb {
  const found = /^#([0-9a-f]{2})([0-9a-f]{2})([0-9a-f]{2})$/i.exec(colour);
  if (found === null) throw new RangeError(`${colour} is no colour`);
  const [red = "", green = "", blue = ""] = found.slice(1);
  return [Number.parseInt(red, 16), Number.parseInt(green, 16), Number.parseInt(blue, 16)];
}

/** A bitmap as pixels of one colour: inside as opaque as asked, outside clear. */
export function paintBitmap(bitmap: Bitmap, rgb: Rgb, opacity: number): Pixels {
  const alpha = Math.round(255 * opacity);
  return painted(bitmap.length, rgb, (place) => (bitmap[place] === 1 ? alpha : 0));
}

/**
 * A field as pixels of one colour, one for each sample, to be drawn at the image's size with smoothing.
 *
 * The edge is as soft as the samples are apart: a sample is half clear where the outline runs through it.
 */
export function paintField(field: Field, rgb: Rgb, opacity: number): Pixels {
  const { values, width, height } = field;
  return painted(values.length, rgb, (place) => {
    const value = values[place] ?? 0;
    const x = place % width;
    const across = slope(values, place, x > 0 ? 1 : 0, x + 1 < width ? 1 : 0);
    const down = slope(values, place, place >= width ? width : 0, place < width * (height - 1) ? width : 0);
    const steepness = Math.max(Math.hypot(across, down), 1e-6);
    return 255 * opacity * Math.min(1, Math.max(0, 0.5 + value / steepness));
  });
}

function painted(count: number, [red, green, blue]: Rgb, alphaOf: (place: number) => number): Pixels {
  const pixels = new Uint8ClampedArray(4 * count);
  for (let place = 0; place < count; place++) {
    const alpha = alphaOf(place);
    if (alpha <= 0) continue;
    pixels[4 * place] = red;
    pixels[4 * place + 1] = green;
    pixels[4 * place + 2] = blue;
    pixels[4 * place + 3] = alpha;
  }
  return pixels;
}

/** How much the values change from one sample to the next. */
function slope(values: Float32Array, place: number, before: number, after: number): number {
  const change = (values[place + after] ?? 0) - (values[place - before] ?? 0);
  return before > 0 && after > 0 ? change / 2 : change;
}
