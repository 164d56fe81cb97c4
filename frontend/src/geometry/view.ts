/** Between the screen, an image's pixels and the API's coordinates: the one file that converts; it draws nothing. */
import {
  imageBox,
  imagePoint,
  screenPoint,
  unitPoint,
  type ImageBox,
  type ImagePoint,
  type ScreenPoint,
  type Size,
  type Stage,
  type UnitPoint,
} from "./spaces.ts";

/** How an image lies on the stage: CSS pixels per image pixel, and where its top left corner is. */
export interface View {
  readonly scale: number;
  readonly offset: ScreenPoint;
}

/** The largest that an image pixel gets, in CSS pixels. */
export const SCALE_MAX = 32;
/** The smallest that an image gets, as a share of the view that fits. */
const SHRINK_MAX = 0.5;
/** How much of an image stays on the stage when it is dragged away, in CSS pixels. */
const KEPT_PX = 48;

export function toImage(view: View, at: ScreenPoint): ImagePoint {
  return imagePoint((at.x - view.offset.x) / view.scale, (at.y - view.offset.y) / view.scale);
}

export function toScreen(view: View, at: ImagePoint): ScreenPoint {
  return screenPoint(at.x * view.scale + view.offset.x, at.y * view.scale + view.offset.y);
}

export function toUnit(at: ImagePoint, size: Size): UnitPoint {
  return unitPoint(at.x / size.width_px, at.y / size.height_px);
}

export function fromUnit(at: { readonly x: number; readonly y: number }, size: Size): ImagePoint {
  return imagePoint(at.x * size.width_px, at.y * size.height_px);
}

/** Whether a place lies on the image; its far edges do not. */
export function isInside(at: ImagePoint, size: Size): boolean {
  return at.x >= 0 && at.y >= 0 && at.x < size.width_px && at.y < size.height_px;
}

/** The nearest place on the image. */
export function clamped(at: ImagePoint, size: Size): ImagePoint {
  return imagePoint(between(0, at.x, size.width_px), between(0, at.y, size.height_px));
}

/** The whole image in the middle of the stage, as large as it goes with a margin around it. */
export function fit(size: Size, stage: Stage, marginPx = 0): View {
  const across = Math.max(1, stage.width - 2 * marginPx) / size.width_px;
  const down = Math.max(1, stage.height - 2 * marginPx) / size.height_px;
  const scale = Math.min(across, down, SCALE_MAX);
  return {
    scale,
    offset: screenPoint((stage.width - size.width_px * scale) / 2, (stage.height - size.height_px * scale) / 2),
  };
}

/** `factor` times as large, with the place under `at` staying where it is. */
export function zoomAbout(view: View, at: ScreenPoint, factor: number, size: Size, stage: Stage): View {
  const smallest = fit(size, stage).scale * SHRINK_MAX;
  return scaledAbout(view, at, between(smallest, view.scale * factor, SCALE_MAX));
}

/** One image pixel on one pixel of the screen, with the place under `at` staying where it is. */
export function actualSize(view: View, at: ScreenPoint, devicePixelRatio: number): View {
  return scaledAbout(view, at, 1 / devicePixelRatio);
}

/** Moved by CSS pixels, no further than some of the image stays to be seen. */
export function pannedBy(view: View, dx: number, dy: number, size: Size, stage: Stage): View {
  const kept = (offset: number, imagePx: number, stagePx: number): number => {
    const seen = Math.min(KEPT_PX, imagePx * view.scale, stagePx);
    return between(seen - imagePx * view.scale, offset, stagePx - seen);
  };
  const x = kept(view.offset.x + dx, size.width_px, stage.width);
  const y = kept(view.offset.y + dy, size.height_px, stage.height);
  return { scale: view.scale, offset: screenPoint(x, y) };
}

/** The same image pixel in the middle, after the stage changed its size. */
export function restaged(view: View, before: Stage, after: Stage): View {
  const x = view.offset.x + (after.width - before.width) / 2;
  const y = view.offset.y + (after.height - before.height) / 2;
  return { scale: view.scale, offset: screenPoint(x, y) };
}

/** The part of the image that the stage shows. */
export function seen(view: View, size: Size, stage: Stage): ImageBox {
  const from = clamped(toImage(view, screenPoint(0, 0)), size);
  const to = clamped(toImage(view, screenPoint(stage.width, stage.height)), size);
  return imageBox(from.x, from.y, to.x, to.y);
}

/** How many pixels a canvas has that fills the stage without being stretched. */
export function canvasSize(stage: Stage, devicePixelRatio: number): Size {
  const pixels = (length: number): number => Math.max(1, Math.round(length * devicePixelRatio));
  return { height_px: pixels(stage.height), width_px: pixels(stage.width) };
}

function scaledAbout(view: View, at: ScreenPoint, scale: number): View {
  const fixed = toImage(view, at);
  return { scale, offset: screenPoint(at.x - fixed.x * scale, at.y - fixed.y * scale) };
}

function between(low: number, value: number, high: number): number {
  return Math.min(high, Math.max(low, value));
}
