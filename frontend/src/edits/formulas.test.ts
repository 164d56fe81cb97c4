import { describe, expect, test } from "vitest";
import older from "../../../tests/contract/edit_vectors.json" with { type: "json" };
import golden from "../../../tests/contract/page/edits.json" with { type: "json" };
import type { Edits } from "../api/types.ts";
import { boxed, regionAlpha } from "../masks/regions.ts";
import { applyEdits } from "./formulas.ts";
import { editsOf, levelsApart, partsOf, pictureOf, SIZE } from "./golden.fixtures.ts";
import type { Picture } from "./picture.ts";

const PARTS = partsOf(golden.parts);
const SEED = BigInt(`0x${golden.seed}`);
const SOURCES: Record<string, Picture> = {
  colour: pictureOf(golden.pictures.colour),
  grey: pictureOf(golden.pictures.grey, { isGrey: true }),
};

// The arithmetic is the service's to the last bit, noise included: no byte of any vector differs.
describe.each(golden.cases)("$edits on the $region of the $picture picture", (vector) => {
  const source = SOURCES[vector.picture] ?? pictureOf("");
  const before = source.rgba.slice();
  const alpha = regionAlpha(vector.region, PARTS, SIZE);
  const result = applyEdits(source, alpha, editsOf(vector.edits), { seed: SEED });

  test("is the service's picture, byte for byte", () => {
    expect(levelsApart(result, pictureOf(vector.out))).toBe(0);
    expect(result.isGrey).toBe(vector.is_grey);
  });

  test("leaves the source, its opacity and what lies outside the region as they are", () => {
    expect(source.rgba).toEqual(before);
    const inside = PARTS.get(vector.region)?.mask;
    const touched = result.rgba.filter((byte, at) => byte !== before[at] && (at % 4 === 3 || !inside?.[at >> 2]));
    expect(touched).toHaveLength(0);
  });
});

test.each(older.points)("single pixels under $edits are the service's", (vector) => {
  const size = { height_px: 1, width_px: vector.in.length };
  const source = ofRows([vector.in]);
  const alpha = boxed(new Float32Array(vector.in.length).fill(1), size);
  expect(levelsApart(applyEdits(source, alpha, editsOf(vector.edits), { seed: 0n }), ofRows([vector.out]))).toBe(0);
});

test.each(older.pictures)("the older picture under $edits is the service's", (vector) => {
  const source = ofRows(vector.in);
  const alpha = boxed(
    Float32Array.from(vector.alpha_quarters.flat(), (quarters) => quarters / 4),
    source.size,
  );
  const result = applyEdits(source, alpha, editsOf(vector.edits), { seed: BigInt(`0x${vector.seed}`) });
  expect(levelsApart(result, ofRows(vector.out))).toBe(0);
});

test("edits that do nothing give the same picture back, as does a region without pixels", () => {
  const source = pictureOf(golden.pictures.colour);
  const alpha = regionAlpha("soft", PARTS, SIZE);
  expect(applyEdits(source, alpha, editsOf({ opacity: 0.4 }), { seed: 1n })).toBe(source);
  expect(applyEdits(source, null, editsOf({ hue: 40 }), { seed: 1n })).toBe(source);
  const grey = pictureOf(golden.pictures.grey, { isGrey: true });
  expect(applyEdits(grey, alpha, editsOf({ hue: 40, saturation: 1 }), { seed: 1n })).toBe(grey);
});

test("the order in which edits are named does not matter", () => {
  const source = pictureOf(golden.pictures.colour);
  const alpha = regionAlpha("soft", PARTS, SIZE);
  const named = Object.entries(editsOf({ hue: 30, contrast: 0.3, gamma: -0.2, blur: { radius: 1 }, sharpen: 1 }));
  const forwards = applyEdits(source, alpha, Object.fromEntries(named) as unknown as Edits, { seed: 1n });
  const backwards = applyEdits(source, alpha, Object.fromEntries(named.toReversed()) as unknown as Edits, { seed: 1n });
  expect(levelsApart(forwards, backwards)).toBe(0);
});

test("a picture at half its size takes half the radius", () => {
  const source = pictureOf(golden.pictures.colour);
  const alpha = regionAlpha("soft", PARTS, SIZE);
  const half = applyEdits(source, alpha, editsOf({ blur: { radius: 6.4 } }), { seed: 1n, scale: 0.5 });
  expect(levelsApart(half, applyEdits(source, alpha, editsOf({ blur: { radius: 3.2 } }), { seed: 1n }))).toBe(0);
});

function ofRows(rows: number[][][]): Picture {
  const rgba = Uint8ClampedArray.from(rows.flat().flatMap((pixel) => [...pixel, 255]));
  return { rgba, size: { height_px: rows.length, width_px: rows[0]?.length ?? 0 }, isGrey: false };
}
