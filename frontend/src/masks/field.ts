/**
 * A mask as samples on a grid that may be coarser than the image, which is what outlines and previews are drawn from.
 *
 * A place is inside where the samples, interpolated between, exceed zero.
 */
import type { Size } from "../geometry/spaces.ts";
import { strips, type Rle } from "./rle.ts";

export interface Field {
  readonly values: Float32Array<ArrayBuffer>;
  readonly width: number;
  readonly height: number;
  /** Image pixels per sample, each way; the first sample lies half of that from the image's corner. */
  readonly stepX: number;
  readonly stepY: number;
  readonly size: Size;
}

/** The logits of a decoder, cut to the part of its frame that holds the image. */
export function fieldOfLogits(logits: Float32Array, lowPx: number, inner: Size, sidePx: number, size: Size): Field {
  const zoom = sidePx / lowPx;
  const width = Math.ceil(inner.width_px / zoom);
  const height = Math.ceil(inner.height_px / zoom);
  const values = new Float32Array(width * height);
  for (let row = 0; row < height; row++) {
    values.set(logits.subarray(row * lowPx, row * lowPx + width), row * width);
  }
  const stepX = (zoom * size.width_px) / inner.width_px;
  const stepY = (zoom * size.height_px) / inner.height_px;
  return { values, width, height, stepX, stepY, size };
}

/** How much of each sample's square a mask covers, less a half; samples are pixels where `sideMax` allows it. */
export function fieldOfRle(rle: Rle, sideMax: number): Field {
  const { height_px, width_px } = rle.size;
  const step = Math.max(1, Math.max(height_px, width_px) / sideMax);
  const width = Math.max(1, Math.round(width_px / step));
  const height = Math.max(1, Math.round(height_px / step));
  const [stepX, stepY] = [width_px / width, height_px / height];
  const values = new Float32Array(width * height);
  for (const [start, end] of strips(rle)) {
    for (let at = start; at < end;) {
      const column = Math.floor(at / height_px);
      const bottom = Math.min(end, (column + 1) * height_px);
      const top = at - column * height_px;
      addColumn(values, width, column, top, bottom - column * height_px, stepX, stepY);
      at = bottom;
    }
  }
  const whole = stepX * stepY;
  for (let place = 0; place < values.length; place++) values[place] = (values[place] ?? 0) / whole - 0.5;
  return { values, width, height, stepX, stepY, size: rle.size };
}

/** The share of the image that a field is inside of, to the precision of its samples. */
export function shareOf(field: Field): number {
  let inside = 0;
  for (const value of field.values) if (value > 0) inside++;
  return inside / field.values.length;
}

/** Add the rows [top, bottom) of one column of pixels to the samples that they lie in. */
function addColumn(
  values: Float32Array,
  width: number,
  column: number,
  top: number,
  bottom: number,
  stepX: number,
  stepY: number,
): void {
  const height = values.length / width;
  const first = Math.min(width - 1, Math.floor(column / stepX));
  const beyond = Math.min(1, Math.max(0, column + 1 - (first + 1) * stepX)); // lies in the next sample across
  const shares: [number, number][] = [[first, 1 - beyond]];
  if (beyond > 1e-9 && first + 1 < width) shares.push([first + 1, beyond]);
  for (let row = Math.min(height - 1, Math.floor(top / stepY)); row < height && row * stepY < bottom; row++) {
    const covered = Math.min(bottom, (row + 1) * stepY) - Math.max(top, row * stepY);
    if (covered <= 0) continue;
    for (const [x, share] of shares) {
      const place = row * width + x;
      values[place] = (values[place] ?? 0) + covered * share;
    }
  }
}
