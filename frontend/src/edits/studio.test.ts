import { expect, test } from "vitest";
import golden from "../../../tests/contract/page/renders.json" with { type: "json" };
import type { Refinement } from "../api/types.ts";
import { MissingMask, regionAlpha } from "../masks/regions.ts";
import { encodeRle, InvalidMask } from "../masks/rle.ts";
import { editsOf, maskOf, partsOf, pictureOf, SIZE } from "./golden.fixtures.ts";
import { variantsOf } from "./layers.ts";
import { NoSource, previewSize, Studio, type NamedMask } from "./studio.ts";

const PLAIN: Refinement = { island_area_min: 0, hole_area_min: 0, grow_px: 0, feather_px: 0 };
const SOURCE = pictureOf(golden.pictures.colour.rgb);
const DISC = golden.parts.soft;

const discMask = (refinement: Partial<Refinement> = {}): NamedMask => ({
  template: "disc",
  rle: encodeRle(maskOf(DISC.mask), SIZE),
  refinement: { ...PLAIN, ...refinement },
});
const edited = (region: string, edits: object) => [{ region, edits: editsOf(edits) }];

test("a picture that fits is rendered as the service renders it", () => {
  const studio = new Studio(1024);
  studio.setSource(SOURCE, SIZE);
  studio.setMasks([discMask({ feather_px: DISC.feather_px })]);
  const layers = edited("disc", { hue: 40, blur: { radius: 2 }, noise: 0.1 });
  const parts = partsOf({ disc: DISC });
  const look = { seed: 7n, composition: "separate" as const };
  const expected = variantsOf(SOURCE, layers, (region) => regionAlpha(region, parts, SIZE), look);
  expect(studio.render(layers, "separate", 7n)).toEqual(expected);
});

test("a preview keeps the shape, is never larger than the picture, and has a pixel at least", () => {
  expect(previewSize({ height_px: 3000, width_px: 4000 }, 1024)).toEqual({ height_px: 768, width_px: 1024 });
  expect(previewSize({ height_px: 16, width_px: 24 }, 1024)).toEqual(SIZE);
  expect(previewSize({ height_px: 10_000, width_px: 3 }, 1024)).toEqual({ height_px: 1024, width_px: 1 });
});

test("a mask of the full picture is made smaller with it, and its radii are", () => {
  const full = { height_px: 32, width_px: 48 };
  const large = new Uint8Array(32 * 48);
  for (let row = 8; row < 24; row++) large.fill(1, row * 48 + 8, row * 48 + 40);
  const studio = new Studio(24);
  studio.setSource(SOURCE, full);
  studio.setMasks([{ template: "box", rle: encodeRle(large, full), refinement: { ...PLAIN, grow_px: -4 } }]);
  const layers = edited("box", { cutout: { crop: true, margin: 0 } });
  expect(studio.render(layers, "separate", 0n)[0]?.crop).toEqual({ top: 6, left: 6, bottom: 10, right: 18 });
});

test("a template of the whole image has no run lengths", () => {
  const studio = new Studio(1024);
  studio.setSource(SOURCE, SIZE);
  studio.setMasks([{ template: "all", rle: null, refinement: PLAIN }]);
  const [variant] = studio.render(edited("all", { brightness: 1 }), "separate", 0n);
  expect(variant?.picture.rgba.every((byte) => byte === 255)).toBe(true);
});

test("another picture has none of the masks before, and new masks take the place of old ones", () => {
  const studio = new Studio(1024);
  const layers = edited("disc", { brightness: 1 });
  expect(() => studio.render(layers, "separate", 0n)).toThrow(NoSource);
  studio.setSource(SOURCE, SIZE);
  expect(() => studio.render(layers, "separate", 0n)).toThrow(MissingMask);
  studio.setMasks([discMask()]);
  expect(studio.render(layers, "separate", 0n)[0]).not.toBeNull();
  studio.setMasks([{ ...discMask(), rle: encodeRle(new Uint8Array(SIZE.height_px * SIZE.width_px), SIZE) }]);
  expect(studio.render(layers, "separate", 0n)).toEqual([null]);
  studio.setSource(SOURCE, SIZE);
  expect(() => studio.render(layers, "separate", 0n)).toThrow(MissingMask);
});

test("a mask of another picture's size is refused", () => {
  const studio = new Studio(1024);
  studio.setSource(SOURCE, { height_px: 32, width_px: 48 });
  studio.setMasks([discMask()]);
  expect(() => studio.render(edited("disc", { brightness: 1 }), "separate", 0n)).toThrow(InvalidMask);
});
