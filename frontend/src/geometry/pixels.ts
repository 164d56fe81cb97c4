/** Which pixels of an image a unit point or box means, as the service decides it; it knows no screen. */
import { imagePoint, unitBox, type ImagePoint, type Size, type UnitBox } from "./spaces.ts";

/** A pixel by its row and column, both counted from 0. */
export interface Pixel {
  readonly row: number;
  readonly column: number;
}

/** Rows [top, bottom) and columns [left, right). */
export interface PixelBox {
  readonly top: number;
  readonly left: number;
  readonly bottom: number;
  readonly right: number;
}

interface Corners {
  readonly left: number;
  readonly top: number;
  readonly right: number;
  readonly bottom: number;
}

/** The pixel that contains a unit point; 1.0 belongs to the last row or column. */
export function pixelOf(at: { readonly x: number; readonly y: number }, size: Size): Pixel {
  return {
    row: Math.min(Math.trunc(at.y * size.height_px), size.height_px - 1),
    column: Math.min(Math.trunc(at.x * size.width_px), size.width_px - 1),
  };
}

/** The smallest box of pixels that covers a unit box; it has at least one. */
export function pixelBoxOf(box: Corners, size: Size): PixelBox {
  const top = Math.min(Math.trunc(box.top * size.height_px), size.height_px - 1);
  const left = Math.min(Math.trunc(box.left * size.width_px), size.width_px - 1);
  return {
    top,
    left,
    bottom: Math.min(size.height_px, Math.max(top + 1, Math.ceil(box.bottom * size.height_px))),
    right: Math.min(size.width_px, Math.max(left + 1, Math.ceil(box.right * size.width_px))),
  };
}

/** The middle of a pixel. */
export function centreOf(pixel: Pixel): ImagePoint {
  return imagePoint(pixel.column + 0.5, pixel.row + 0.5);
}

/** The box between two corners of a drag, in any order and kept inside the image; null where it has no area. */
export function boxBetween(one: ImagePoint, other: ImagePoint, size: Size): UnitBox | null {
  const side = (value: number, length: number): number => Math.min(1, Math.max(0, value / length));
  const [left, right] = ordered(side(one.x, size.width_px), side(other.x, size.width_px));
  const [top, bottom] = ordered(side(one.y, size.height_px), side(other.y, size.height_px));
  return right > left && bottom > top ? unitBox(left, top, right, bottom) : null;
}

function ordered(one: number, other: number): [number, number] {
  return one <= other ? [one, other] : [other, one];
}
