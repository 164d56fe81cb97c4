import { expect, test } from "vitest";
import { encodeRle } from "./rle.ts";
import { drawnMask } from "./upsample.ts";
import { numbersOf, vectors } from "./vectors.test-data.ts";

test.each(vectors.drawn)("logits become the service's mask at $size, pixel for pixel", (vector) => {
  const { logits, low_px, side_px, inner, size, rle } = vector;
  expect(encodeRle(drawnMask(numbersOf(logits), low_px, side_px, inner, size), size)).toEqual(rle);
});
