import { expect, test } from "vitest";
import { pixelBoxOf, pixelOf } from "../geometry/pixels.ts";
import { numbersOf, vectors } from "../masks/vectors.test-data.ts";
import { framedPrompt, innerSize, previousLogits } from "./framing.ts";

test.each(vectors.prompts)("a prompt on an image of $size is framed as by the service", (vector) => {
  const { prompt, size } = vector;
  const framed = framedPrompt(prompt, vector, size);
  const boxed = [...vector.points.flat(), ...vector.corners];
  expect([...framed.points]).toEqual(boxed.map(Math.fround));
  expect([...framed.labels]).toEqual([...vector.labels, 2, 3]);
  const unboxed = framedPrompt({ points: prompt.points }, vector, size);
  expect([...unboxed.points]).toEqual([...vector.points.flat().map(Math.fround), 0, 0]);
  expect([...unboxed.labels]).toEqual([...vector.labels, -1]);
  expect(unboxed.previous).toBeNull();
});

test.each(vectors.prompts)("pixels of an image of $size are those of the service", (vector) => {
  expect(vector.prompt.points.map((point) => pixelOf(point, vector.size))).toEqual(
    vector.pixels.map(([row, column]) => ({ row, column })),
  );
  const [top, left, bottom, right] = vector.box;
  expect(vector.prompt.box && pixelBoxOf(vector.prompt.box, vector.size)).toEqual({ top, left, bottom, right });
});

test.each(vectors.prompts)("a previous mask of $size weighs as much as for the service", (vector) => {
  const { previous } = framedPrompt(vector.prompt, vector, vector.size);
  const expected = numbersOf(vector.previous);
  expect(previous?.length).toBe(expected.length);
  const worst = expected.reduce((most, value, at) => Math.max(most, Math.abs(value - (previous?.[at] ?? NaN))), 0);
  expect(worst).toBeLessThan(1e-4);
});

test.each(vectors.drawn)(
  "an image of $size lies in the frame as for the service",
  ({ side_px, low_px, size, inner }) => {
    expect(innerSize({ side_px, low_px }, size)).toEqual(inner);
  },
);

test("a previous mask alone has no points, not even the one that is none", () => {
  const previous = { size: { height_px: 1, width_px: 2 }, counts: "2" };
  const framed = framedPrompt({ previous }, { side_px: 64, low_px: 16 }, previous.size);
  expect([framed.points.length, framed.labels.length]).toEqual([0, 0]);
});

test("a previous mask of another image is refused", () => {
  const rle = { size: { height_px: 1, width_px: 2 }, counts: "2" };
  expect(() => previousLogits(rle, { side_px: 64, low_px: 16 }, { height_px: 2, width_px: 1 })).toThrow(RangeError);
});
