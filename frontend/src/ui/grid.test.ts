import { expect, test } from "vitest";
import { indexAfter, rowsInSight, shapeOf } from "./grid.ts";

const ASKED = { smallest: 160, gap: 12, heightOf: (width: number) => width * 0.75 + 28 };

test("cells fill the width and never get narrower than asked", () => {
  for (const width of [200, 336, 1302, 3776]) {
    const shape = shapeOf(5000, width, ASKED);
    expect(shape.columns * shape.cellWidth + (shape.columns - 1) * ASKED.gap).toBeLessThanOrEqual(width);
    expect(shape.cellWidth).toBeGreaterThanOrEqual(ASKED.smallest);
    expect(shape.columns * shape.rows).toBeGreaterThanOrEqual(5000);
    expect(shape.columns * (shape.rows - 1)).toBeLessThan(5000);
  }
  expect(shapeOf(3, 100, ASKED)).toMatchObject({ columns: 1, cellWidth: 100, rows: 3 });
  expect(shapeOf(0, 1302, ASKED).rows).toBe(0);
});

test("only rows in sight are drawn, and one more at either end", () => {
  const shape = { columns: 7, cellWidth: 176, pitch: 100, rows: 50 };
  expect(rowsInSight(shape, { top: 0, height: 450 })).toEqual({ from: 0, to: 6 });
  expect(rowsInSight(shape, { top: 1010, height: 450 })).toEqual({ from: 9, to: 16 });
  expect(rowsInSight(shape, { top: 4800, height: 450 })).toEqual({ from: 47, to: 50 });
  expect(rowsInSight(shape, { top: -2000, height: 450 })).toEqual({ from: 0, to: 0 });
  expect(rowsInSight(shape, { top: 90_000, height: 450 })).toEqual({ from: 50, to: 50 });
});

test("keys lead through the grid and stop at its edges", () => {
  const to = (key: string, index: number): number | null => indexAfter(key, index, 10, 4, 2);
  expect([to("ArrowRight", 3), to("ArrowLeft", 4), to("ArrowRight", 9), to("ArrowLeft", 0)]).toEqual([4, 3, 9, 0]);
  expect([to("ArrowDown", 1), to("ArrowDown", 5), to("ArrowDown", 7), to("ArrowDown", 9)]).toEqual([5, 9, 9, 9]);
  expect([to("ArrowUp", 5), to("ArrowUp", 2)]).toEqual([1, 2]);
  expect([to("PageUp", 6), to("PageDown", 1), to("PageDown", 5), to("Home", 7), to("End", 0)]).toEqual([2, 9, 9, 0, 9]);
  expect([to("a", 2), indexAfter("End", 0, 0, 4, 2)]).toEqual([null, null]);
});
