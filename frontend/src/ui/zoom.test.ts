import { expect, test } from "vitest";
import { panned, WHOLE, ZOOM_MAX, zoomed } from "./zoom.ts";

test("the place under the pointer stays where it is", () => {
  const near = zoomed(WHOLE, 4, 0.3, 0.8);
  const place = (0.3 - near.x) / near.scale;
  const nearer = zoomed(near, 1.5, 0.3, 0.8);
  expect(place).toBeCloseTo(0.3);
  expect((0.3 - nearer.x) / nearer.scale).toBeCloseTo(0.3);
  expect((0.8 - nearer.y) / nearer.scale).toBeCloseTo(0.8);
});

test("the frame stays full: nothing is beyond the picture's borders", () => {
  expect(zoomed(zoomed(WHOLE, 4, 0, 0), 0.25, 1, 1)).toEqual(WHOLE);
  expect(panned(WHOLE, 0.5, -0.5)).toEqual(WHOLE);
  const near = zoomed(WHOLE, 2, 0.5, 0.5);
  expect(panned(near, 9, 9)).toEqual({ scale: 2, x: 0, y: 0 });
  expect(panned(near, -9, -9)).toEqual({ scale: 2, x: -1, y: -1 });
});

test("a closer look has an end", () => {
  expect(zoomed(WHOLE, 1000).scale).toBe(ZOOM_MAX);
  expect(zoomed(WHOLE, 0.001).scale).toBe(1);
});
