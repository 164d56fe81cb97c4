import { expect, test } from "vitest";
import { boxBetween, centreOf, pixelBoxOf, pixelOf } from "./pixels.ts";
import { imagePoint } from "./spaces.ts";
import { toUnit } from "./view.ts";

const SIZE = { height_px: 30, width_px: 70 };

test("the middle of a pixel means that pixel", () => {
  for (let row = 0; row < SIZE.height_px; row++) {
    for (let column = 0; column < SIZE.width_px; column++) {
      expect(pixelOf(toUnit(centreOf({ row, column }), SIZE), SIZE)).toEqual({ row, column });
    }
  }
});

test("the far corner means the last pixel", () => {
  expect(pixelOf({ x: 1, y: 1 }, SIZE)).toEqual({ row: 29, column: 69 });
});

test("a box covers the pixels that it touches, and one at least", () => {
  expect(pixelBoxOf({ left: 0.1, top: 0.1, right: 0.5, bottom: 0.51 }, SIZE)).toEqual({
    top: 3,
    left: 7,
    bottom: 16,
    right: 35,
  });
  expect(pixelBoxOf({ left: 1 - 1e-9, top: 0, right: 1, bottom: 1e-9 }, SIZE)).toEqual({
    top: 0,
    left: 69,
    bottom: 1,
    right: 70,
  });
});

test("a drag in any direction is the same box, kept inside the image", () => {
  const box = boxBetween(imagePoint(60, 3), imagePoint(-5, 15), SIZE);
  expect(box).toEqual({ left: 0, top: 0.1, right: 60 / 70, bottom: 0.5 });
  expect(boxBetween(imagePoint(-5, 15), imagePoint(60, 3), SIZE)).toEqual(box);
});

test("a drag without area is no box", () => {
  expect(boxBetween(imagePoint(3, 3), imagePoint(3, 9), SIZE)).toBeNull();
  expect(boxBetween(imagePoint(-9, 3), imagePoint(-1, 9), SIZE)).toBeNull();
});
