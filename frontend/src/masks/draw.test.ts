import { expect, test } from "vitest";
import { paintBitmap, paintField, rgbOf } from "./draw.ts";

test("a colour is read from its text", () => {
  expect(rgbOf("#FF5a36")).toEqual([255, 90, 54]);
  expect(() => rgbOf("red")).toThrow(RangeError);
});

test("a bitmap is painted inside and clear outside", () => {
  const pixels = paintBitmap(Uint8Array.of(0, 1), [1, 2, 3], 0.5);
  expect([...pixels]).toEqual([0, 0, 0, 0, 1, 2, 3, 128]);
});

test("a field is opaque inside, clear outside and half clear where the outline runs", () => {
  const values = Float32Array.of(-4, -2, 0, 2, 4);
  const field = { values, width: 5, height: 1, stepX: 1, stepY: 1, size: { height_px: 1, width_px: 5 } };
  const pixels = paintField(field, [9, 9, 9], 1);
  expect([0, 1, 2, 3, 4].map((x) => pixels[4 * x + 3])).toEqual([0, 0, 128, 255, 255]);
});
