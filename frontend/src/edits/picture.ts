/** Pictures in memory, and their channels as planes; it knows no file and no canvas. */
import type { PixelBox } from "../geometry/pixels.ts";
import type { Size } from "../geometry/spaces.ts";

/** An upright sRGB picture: four bytes a pixel, opacity last and not multiplied in. A grey one has equal channels. */
export interface Picture {
  readonly rgba: Uint8ClampedArray<ArrayBuffer>;
  readonly size: Size;
  readonly isGrey: boolean;
}

/** One number a pixel of some box, row by row. */
export type Plane = Float32Array<ArrayBuffer>;

/** sRGB in [0, 1] of each byte. */
export const UNIT: Plane = Float32Array.from({ length: 256 }, (_, byte) => byte / 255);

export const widthOf = (box: PixelBox): number => box.right - box.left;
export const heightOf = (box: PixelBox): number => box.bottom - box.top;
export const wholeOf = (size: Size): PixelBox => ({ top: 0, left: 0, bottom: size.height_px, right: size.width_px });

/** The box with a margin on every side, which may reach out of the picture. */
export function around(box: PixelBox, margin: number): PixelBox {
  return {
    top: box.top - margin,
    left: box.left - margin,
    bottom: box.bottom + margin,
    right: box.right + margin,
  };
}

/** Each channel of a box with its bytes looked up; beyond the border of the picture its edge pixels go on. */
export function planesOf({ rgba, size }: Picture, box: PixelBox, table: Plane, channels: number): Plane[] {
  const width = widthOf(box);
  const columns = Int32Array.from({ length: width }, (_, at) => 4 * clamped(box.left + at, size.width_px));
  const planes = Array.from({ length: channels }, () => new Float32Array(width * heightOf(box)));
  for (const [channel, plane] of planes.entries()) {
    let place = 0;
    for (let row = box.top; row < box.bottom; row++) {
      const start = 4 * size.width_px * clamped(row, size.height_px) + channel;
      for (let column = 0; column < width; column++) {
        plane[place++] = table[rgba[start + (columns[column] as number)] as number] as number;
      }
    }
  }
  return planes;
}

/** The inner part of a plane of `box`, with `margin` pixels less on every side. */
export function inner(plane: Plane, box: PixelBox, margin: number): Plane {
  const width = widthOf(box);
  const narrow = width - 2 * margin;
  const result = new Float32Array(narrow * (heightOf(box) - 2 * margin));
  for (let start = 0, row = margin; start < result.length; start += narrow, row++) {
    result.set(plane.subarray(row * width + margin, row * width + margin + narrow), start);
  }
  return result;
}

function clamped(at: number, length: number): number {
  return Math.min(Math.max(at, 0), length - 1);
}
