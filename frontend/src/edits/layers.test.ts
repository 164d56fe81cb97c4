import { describe, expect, test } from "vitest";
import golden from "../../../tests/contract/page/renders.json" with { type: "json" };
import type { Region } from "../api/types.ts";
import { feather } from "../masks/feather.ts";
import { boxed, regionAlpha, type Alpha } from "../masks/regions.ts";
import { covering, cutOut, MissingBackground } from "./cutout.ts";
import { editsOf, levelsApart, maskOf, partsOf, pictureOf, SIZE } from "./golden.fixtures.ts";
import { render, variantsOf } from "./layers.ts";
import type { Picture } from "./picture.ts";
import { CUTOUT } from "./ranges.ts";
import { resized, shrunkSize } from "./resize.ts";
import type { ConcreteLayer } from "./sampling.ts";

interface Packed {
  size: { height_px: number; width_px: number };
  is_grey: boolean;
  rgb: string;
  opacity: string;
}

const unpacked = ({ rgb, opacity, size, is_grey: isGrey }: Packed): Picture =>
  pictureOf(rgb, { opacity, size, isGrey });
const named = (pictures: Record<string, Packed>): Map<string, Picture> =>
  new Map(Object.entries(pictures).map(([name, packed]) => [name, unpacked(packed)]));

const PARTS = partsOf(golden.parts);
const alphaOf = (region: Region): Alpha | null => regionAlpha(region, PARTS, SIZE);
const SEED = BigInt(`0x${golden.seed}`);
const SOURCES = named(golden.pictures);
const BACKGROUNDS = named(golden.backgrounds);

const sourceOf = (name: string): Picture => SOURCES.get(name) ?? pictureOf("");

function layersOf(sent: readonly { region: unknown; edits: unknown }[]): ConcreteLayer[] {
  return sent.map((layer) => ({ region: layer.region as Region, edits: editsOf(layer.edits) }));
}

// No byte of any vector differs: not in colour, not in opacity, not in noise.
describe.each(golden.cases)("$layers on the $picture picture", (vector) => {
  const source = sourceOf(vector.picture);
  const before = source.rgba.slice();
  const rendered = render(source, layersOf(vector.layers), alphaOf, { seed: SEED, backgrounds: BACKGROUNDS });

  test("is the service's variant, byte for byte", () => {
    if (vector.out === null) {
      expect(rendered).toBeNull();
      return;
    }
    const { picture, crop } = rendered ?? { picture: sourceOf(""), crop: null };
    const expected = unpacked(vector.out);
    expect(picture.size).toEqual(expected.size);
    expect(crop).toEqual(vector.crop);
    expect(levelsApart(picture, expected)).toBe(0);
    expect(picture.isGrey).toBe(expected.isGrey);
  });

  test("leaves the source as it is", () => {
    expect(source.rgba).toEqual(before);
  });
});

test.each(golden.resized)("a $picture picture at $out.size is Pillow's, byte for byte", ({ picture, out }) => {
  expect(levelsApart(resized(sourceOf(picture), out.size), unpacked(out))).toBe(0);
});

test.each(golden.covering)("$background covers the picture as on the service", ({ background, out }) => {
  const behind = BACKGROUNDS.get(background) ?? sourceOf("");
  expect(levelsApart(covering(behind, out.size), unpacked(out))).toBe(0);
});

test("a long edge is cleaned alike in all of its parts", () => {
  const { large } = golden;
  const source = unpacked(large.in);
  const alpha = boxed(feather(maskOf(large.mask), source.size, large.feather_px), source.size);
  expect(alpha && levelsApart(cutOut(source, alpha, { ...CUTOUT }), unpacked(large.out))).toBe(0);
});

test("a thumbnail keeps its shape, has one pixel at least, and never grows", () => {
  expect(shrunkSize({ height_px: 100, width_px: 4000 }, 16)).toEqual({ height_px: 1, width_px: 16 });
  expect(shrunkSize({ height_px: 30, width_px: 20 }, 64)).toEqual({ height_px: 30, width_px: 20 });
});

test("layers apart make a variant each, stacked ones make one, and an empty region makes none", () => {
  const layers = layersOf([
    { region: "soft", edits: { brightness: 0.3 } },
    { region: "nothing", edits: { brightness: 0.3 } },
    { region: "box", edits: { hue: 90 } },
  ]);
  const look = { seed: 0n };
  const apart = variantsOf(sourceOf("colour"), layers, alphaOf, { ...look, composition: "separate" });
  expect(apart.map((variant) => variant !== null)).toEqual([true, false, true]);
  const stacked = variantsOf(sourceOf("colour"), layers, alphaOf, { ...look, composition: "stacked" });
  expect(stacked).toHaveLength(1);
  const [first, , last] = layers;
  const twice = render(sourceOf("colour"), first && last ? [first, last] : [], alphaOf, {
    ...look,
    backgrounds: new Map(),
  });
  expect(stacked[0]?.picture.rgba).toEqual(twice?.picture.rgba);
  expect(variantsOf(sourceOf("colour"), [], alphaOf, { ...look, composition: "stacked" })).toEqual([]);
});

test("a cut-out on a picture that is not there says so", () => {
  const layers = layersOf([{ region: "soft", edits: { cutout: { background: "image", image_id: "elsewhere" } } }]);
  expect(() => render(sourceOf("colour"), layers, alphaOf, { seed: 0n, backgrounds: BACKGROUNDS })).toThrow(
    MissingBackground,
  );
});
