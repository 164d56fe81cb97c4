/** Parts of pictures by their boxes, for arrays of one value a pixel; it knows no mask's meaning. */
import type { PixelBox } from "../geometry/pixels.ts";
import type { Size } from "../geometry/spaces.ts";

type Values = Uint8Array<ArrayBuffer> | Float32Array<ArrayBuffer>;

/** The tight box of what is above 0; null where nothing is. */
export function pixelBox(values: Values, { height_px: height, width_px: width }: Size): PixelBox | null {
  let [top, left, bottom, right] = [height, width, 0, 0];
  for (let row = 0; row < height; row++) {
    const start = row * width;
    let first = 0;
    while (first < width && !((values[start + first] as number) > 0)) first++;
    if (first === width) continue;
    let last = width - 1;
    while (!((values[start + last] as number) > 0)) last--;
    top = Math.min(top, row);
    bottom = row + 1;
    left = Math.min(left, first);
    right = Math.max(right, last + 1);
  }
  return right > left ? { top, left, bottom, right } : null;
}

/** The box with a margin on every side, kept inside an image of `size`. */
export function wider(box: PixelBox, marginPx: number, size: Size): PixelBox {
  return {
    top: Math.max(0, box.top - marginPx),
    left: Math.max(0, box.left - marginPx),
    bottom: Math.min(size.height_px, box.bottom + marginPx),
    right: Math.min(size.width_px, box.right + marginPx),
  };
}

/** What lies outside a mask. */
export function inverted(mask: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  const outside = new Uint8Array(mask.length);
  for (let place = 0; place < mask.length; place++) outside[place] = mask[place] === 0 ? 1 : 0;
  return outside;
}

/** The entry of a table for each whole number. */
export function lookedUp(numbers: Int32Array, table: Float32Array): Float32Array<ArrayBuffer> {
  const values = new Float32Array(numbers.length);
  for (let place = 0; place < values.length; place++) values[place] = table[numbers[place] as number] as number;
  return values;
}

/** The values inside a box. */
export function cut<T extends Values>(values: T, size: Size, box: PixelBox): T {
  const width = box.right - box.left;
  const part = values.slice(0, width * (box.bottom - box.top)) as T;
  for (let row = box.top; row < box.bottom; row++) {
    const start = row * size.width_px;
    part.set(values.subarray(start + box.left, start + box.right), (row - box.top) * width);
  }
  return part;
}

/** `whole` with the values of a box written into it. */
export function placed<T extends Values>(part: T, box: PixelBox, whole: T, size: Size): T {
  const width = box.right - box.left;
  for (let row = box.top; row < box.bottom; row++) {
    const start = (row - box.top) * width;
    whole.set(part.subarray(start, start + width), row * size.width_px + box.left);
  }
  return whole;
}
