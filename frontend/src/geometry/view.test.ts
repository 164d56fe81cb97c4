import { expect, expectTypeOf, test } from "vitest";
import { imagePoint, screenPoint, type ImagePoint, type ScreenPoint, type Size, type UnitPoint } from "./spaces.ts";
import {
  actualSize,
  canvasSize,
  clamped,
  fit,
  fromUnit,
  isInside,
  pannedBy,
  restaged,
  SCALE_MAX,
  seen,
  toImage,
  toScreen,
  toUnit,
  zoomAbout,
  type View,
} from "./view.ts";

const SIZES: Size[] = [
  { height_px: 1500, width_px: 2250 },
  { height_px: 4000, width_px: 3000 },
  { height_px: 1, width_px: 1 },
  { height_px: 97, width_px: 8192 },
];
const STAGE = { width: 1180, height: 731 };
const SCALES = [0.1, 1, 8];
const OFFSETS = [screenPoint(0, 0), screenPoint(-731.5, 112.25), screenPoint(5000, -3000)];

const views: View[] = SCALES.flatMap((scale) => OFFSETS.map((offset) => ({ scale, offset })));
const cases = SIZES.flatMap((size) => views.map((view) => ({ size, view })));

/** Places that a seed draws, the same ones each time. */
function* places(count: number): Generator<[number, number]> {
  let state = 12345;
  const next = (): number => (state = (state * 48271) % 0x7fffffff) / 0x7fffffff;
  for (let i = 0; i < count; i++) yield [next(), next()];
}

test("the three spaces are three types", () => {
  expectTypeOf<ImagePoint>().not.toExtend<ScreenPoint>();
  expectTypeOf<ScreenPoint>().not.toExtend<UnitPoint>();
  expectTypeOf<UnitPoint>().not.toExtend<ImagePoint>();
});

test.each(cases)("a place comes back from the screen: $size at $view.scale", ({ size, view }) => {
  for (const [x, y] of places(50)) {
    const at = imagePoint(x * size.width_px, y * size.height_px);
    const back = toImage(view, toScreen(view, at));
    expect(back.x).toBeCloseTo(at.x, 8);
    expect(back.y).toBeCloseTo(at.y, 8);
    const again = fromUnit(toUnit(at, size), size);
    expect(again.x).toBeCloseTo(at.x, 8);
    expect(again.y).toBeCloseTo(at.y, 8);
  }
});

test.each(cases)("zooming keeps the place under the pointer: $size at $view.scale", ({ size, view }) => {
  for (const [x, y] of places(20)) {
    const at = screenPoint(x * STAGE.width, y * STAGE.height);
    const before = toImage(view, at);
    for (const factor of [0.01, 0.8, 1, 1.25, 100]) {
      const after = toImage(zoomAbout(view, at, factor, size, STAGE), at);
      expect(after.x).toBeCloseTo(before.x, 6);
      expect(after.y).toBeCloseTo(before.y, 6);
    }
  }
});

test.each(SIZES)("zoom has bounds for %o", (size) => {
  const fitting = fit(size, STAGE);
  const at = screenPoint(10, 10);
  expect(zoomAbout(fitting, at, 1e9, size, STAGE).scale).toBe(SCALE_MAX);
  expect(zoomAbout(fitting, at, 1e-9, size, STAGE).scale).toBeCloseTo(fitting.scale / 2, 12);
});

test.each(SIZES)("the view that fits shows all of %o in the middle", (size) => {
  const view = fit(size, STAGE, 16);
  const from = toScreen(view, imagePoint(0, 0));
  const to = toScreen(view, imagePoint(size.width_px, size.height_px));
  expect(Math.min(from.x, from.y)).toBeGreaterThanOrEqual(16 - 1e-9);
  expect(from.x + to.x).toBeCloseTo(STAGE.width, 6);
  expect(from.y + to.y).toBeCloseTo(STAGE.height, 6);
  expect(seen(view, size, STAGE)).toEqual({ left: 0, top: 0, right: size.width_px, bottom: size.height_px });
});

test.each(cases)("an image cannot be dragged out of sight: $size at $view.scale", ({ size, view }) => {
  for (const [dx, dy] of [
    [1e6, 1e6],
    [-1e6, -1e6],
    [0, 0],
  ] as const) {
    const part = seen(pannedBy(view, dx, dy, size, STAGE), size, STAGE);
    expect(part.right).toBeGreaterThan(part.left);
    expect(part.bottom).toBeGreaterThan(part.top);
  }
});

test("a drag moves an image by as much as the pointer moves", () => {
  const size = { height_px: 600, width_px: 800 };
  const view = fit(size, STAGE);
  const moved = pannedBy(view, 13.5, -7, size, STAGE);
  expect(moved.offset.x - view.offset.x).toBeCloseTo(13.5, 9);
  expect(moved.offset.y - view.offset.y).toBeCloseTo(-7, 9);
});

test("at actual size an image pixel is a pixel of the screen", () => {
  const view = actualSize({ scale: 0.3, offset: screenPoint(5, 6) }, screenPoint(100, 100), 2);
  expect(view.scale * 2).toBe(1);
  expect(canvasSize({ width: 100.2, height: 50 }, 2)).toEqual({ height_px: 100, width_px: 200 });
});

test("a stage that changes its size keeps the same place in the middle", () => {
  const view = { scale: 2, offset: screenPoint(-40, 7) };
  const after = { width: 400, height: 900 };
  const before = toImage(view, screenPoint(STAGE.width / 2, STAGE.height / 2));
  const now = toImage(restaged(view, STAGE, after), screenPoint(200, 450));
  expect(now.x).toBeCloseTo(before.x, 9);
  expect(now.y).toBeCloseTo(before.y, 9);
});

test("a place outside is moved to the nearest one on the image", () => {
  const size = { height_px: 10, width_px: 20 };
  expect(clamped(imagePoint(-3, 12), size)).toEqual({ x: 0, y: 10 });
  expect(isInside(imagePoint(20, 5), size)).toBe(false);
  expect(isInside(imagePoint(19.99, 0), size)).toBe(true);
});
