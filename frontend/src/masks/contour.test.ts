import { expect, test } from "vitest";
import { outline, svgPath, tracePath, type Loop } from "./contour.ts";
import { fieldOfLogits, fieldOfRle, shareOf, type Field } from "./field.ts";
import { encodeRle } from "./rle.ts";

/** Twice the area that a loop encloses, positive where its inside is on its left. */
function doubleArea(loop: Loop): number {
  let sum = 0;
  for (let at = 0; at < loop.length; at += 2) {
    const after = (at + 2) % loop.length;
    sum += (loop[after] ?? 0) * (loop[at + 1] ?? 0) - (loop[at] ?? 0) * (loop[after + 1] ?? 0);
  }
  return sum;
}

const areaOf = (loops: Loop[]): number => loops.reduce((sum, loop) => sum + doubleArea(loop) / 2, 0);

function fieldFrom(width: number, height: number, step: number, value: (x: number, y: number) => number): Field {
  const values = new Float32Array(width * height);
  for (let y = 0; y < height; y++) for (let x = 0; x < width; x++) values[y * width + x] = value(x, y);
  return {
    values,
    width,
    height,
    stepX: step,
    stepY: step,
    size: { height_px: height * step, width_px: width * step },
  };
}

test("the outline of a disc has the disc's area, more finely than its samples", () => {
  const field = fieldFrom(64, 64, 4, (x, y) => 20.3 - Math.hypot(x - 31.2, y - 30.7));
  const loops = outline(field);
  expect(loops).toHaveLength(1);
  expect(areaOf(loops) / (Math.PI * (20.3 * 4) ** 2)).toBeCloseTo(1, 2);
  for (let at = 0; at < (loops[0]?.length ?? 0); at += 2) {
    const [x, y] = [loops[0]?.[at] ?? 0, loops[0]?.[at + 1] ?? 0];
    expect(Math.abs(Math.hypot(x - 31.7 * 4, y - 31.2 * 4) - 20.3 * 4)).toBeLessThan(0.1);
  }
});

test("a hole is a loop of its own that runs the other way", () => {
  const loops = outline(fieldFrom(40, 40, 1, (x, y) => (Math.abs(Math.hypot(x - 19.5, y - 19.5) - 12) < 5 ? 1 : -1)));
  expect(loops.map((loop) => Math.sign(doubleArea(loop))).sort()).toEqual([-1, 1]);
});

test("a mask of everything is outlined by the edge of the image", () => {
  const loops = outline(fieldFrom(3, 2, 10, () => 1));
  expect(areaOf(loops)).toBeCloseTo(600 - 4 * 12.5, 3); // corners are cut by half a sample
  for (const loop of loops) {
    for (let at = 0; at < loop.length; at += 2) {
      const [x, y] = [loop[at] ?? -1, loop[at + 1] ?? -1];
      expect(x === 0 || x === 30 || y === 0 || y === 20).toBe(true);
    }
  }
});

test("nothing has no outline", () => {
  expect(outline(fieldFrom(5, 5, 1, () => -1))).toEqual([]);
  expect(svgPath([])).toBe("");
});

test("opposite corners are joined where the middle is inside", () => {
  const corners = (middle: number): Field => fieldFrom(2, 2, 1, (x, y) => (x === y ? 1 + middle : -1));
  expect(outline(corners(0.5))).toHaveLength(1);
  expect(outline(corners(-0.5))).toHaveLength(2);
});

test("noise is outlined by closed loops around its whole area", () => {
  let state = 7;
  const field = fieldFrom(50, 30, 1, () => (state = (state * 48271) % 0x7fffffff) / 0x7fffffff - 0.5);
  const inside = field.values.filter((value) => value > 0).length;
  expect(Math.abs(areaOf(outline(field)) / inside - 1)).toBeLessThan(0.1);
});

test("a path says the same as the loops", () => {
  const loops = outline(fieldFrom(3, 3, 2, (x, y) => (x === 1 && y === 1 ? 1 : -1)));
  expect(svgPath(loops)).toBe("M3 2L2 3L3 4L4 3Z");
  const calls: string[] = [];
  tracePath(
    {
      moveTo: (x, y) => calls.push(`M${x} ${y}`),
      lineTo: (x, y) => calls.push(`L${x} ${y}`),
      closePath: () => calls.push("Z"),
    },
    loops,
  );
  expect(calls.join("")).toBe("M3 2L2 3L3 4L4 3Z");
});

test("a mask's samples are what it covers of them", () => {
  const size = { height_px: 40, width_px: 90 };
  const bitmap = new Uint8Array(size.height_px * size.width_px);
  for (let y = 7; y < 33; y++) bitmap.fill(1, y * 90 + 11, y * 90 + 64);
  for (const sideMax of [200, 90, 37]) {
    const field = fieldOfRle(encodeRle(bitmap, size), sideMax);
    expect(Math.max(field.width, field.height)).toBeLessThanOrEqual(sideMax);
    const covered = field.values.reduce((sum, value) => sum + value + 0.5, 0) * field.stepX * field.stepY;
    expect(covered).toBeCloseTo(26 * 53, 1);
    expect(areaOf(outline(field)) / (26 * 53)).toBeCloseTo(1, 1);
    expect(shareOf(field)).toBeCloseTo((26 * 53) / 3600, 1);
  }
});

test("only the part of the frame that holds the image is looked at", () => {
  const logits = new Float32Array(16 * 16).fill(1);
  const field = fieldOfLogits(logits, 16, { height_px: 24, width_px: 64 }, 64, { height_px: 240, width_px: 640 });
  expect([field.width, field.height, field.stepX, field.stepY]).toEqual([16, 6, 40, 40]);
  expect(areaOf(outline(field))).toBeGreaterThan(0.98 * 240 * 640);
});
