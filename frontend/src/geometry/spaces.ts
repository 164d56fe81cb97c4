/**
 * The three spaces of the page as three types, so that one is never taken for another; it converts nothing.
 *
 * Unit coordinates are those of the API: [0, 1] of the upright image, (0, 0) the outer corner of its top left pixel.
 * Image coordinates count its pixels from the same corner, with fractions. Screen coordinates are CSS pixels from the
 * top left of the stage that shows it.
 */
declare const space: unique symbol;

interface Place<Space extends string> {
  readonly x: number;
  readonly y: number;
  readonly [space]: Space;
}

interface Rectangle<Space extends string> {
  readonly left: number;
  readonly top: number;
  readonly right: number;
  readonly bottom: number;
  readonly [space]: Space;
}

export type UnitPoint = Place<"unit">;
export type ImagePoint = Place<"image">;
export type ScreenPoint = Place<"screen">;
export type UnitBox = Rectangle<"unit">;
export type ImageBox = Rectangle<"image">;

/** The size of an image, as the API says it. */
export interface Size {
  readonly height_px: number;
  readonly width_px: number;
}

/** The size of the stage, in CSS pixels. */
export interface Stage {
  readonly width: number;
  readonly height: number;
}

export const unitPoint = (x: number, y: number): UnitPoint => ({ x, y }) as UnitPoint;
export const imagePoint = (x: number, y: number): ImagePoint => ({ x, y }) as ImagePoint;
export const screenPoint = (x: number, y: number): ScreenPoint => ({ x, y }) as ScreenPoint;

export function unitBox(left: number, top: number, right: number, bottom: number): UnitBox {
  return { left, top, right, bottom } as UnitBox;
}

export function imageBox(left: number, top: number, right: number, bottom: number): ImageBox {
  return { left, top, right, bottom } as ImageBox;
}
