import { expect, test } from "vitest";
import type { ImageView, TemplateView } from "../api/types.ts";
import { MaskCache, OtherSize, wayOf } from "./recipe-masks.ts";

const size = { height_px: 4, width_px: 6 };
const image = { image_id: "i1", normal: { size } } as ImageView;
const prompt = { points: [{ x: 0.2, y: 0.3, positive: true }], box: null, previous: null };
const other = { ...prompt, points: [{ x: 0.9, y: 0.9, positive: true }] };
const rle = { size, counts: "0" };
const template = (more: Partial<TemplateView> = {}): TemplateView =>
  ({
    template_id: "t1",
    name: "cap",
    placement: "fixed",
    prompt,
    overrides: {},
    choice: "best",
    ...more,
  }) as TemplateView;

test("an override counts before every placement, on its image alone", () => {
  for (const placement of ["fixed", "whole", "centre", "mask", "match"] as const) {
    const own = template({ placement, overrides: { i1: other }, prompt: { ...prompt, previous: rle } });
    expect(wayOf(own, image)).toEqual({ kind: "asked", prompt: other });
  }
  expect(wayOf(template({ overrides: { i2: other } }), image)).toEqual({ kind: "asked", prompt });
});

test("the whole image and a given mask need no segmenter, and a given mask fits its size alone", () => {
  expect(wayOf(template({ placement: "whole" }), image)).toEqual({ kind: "whole" });
  const given = template({ placement: "mask", prompt: { ...prompt, previous: rle } });
  expect(wayOf(given, image)).toEqual({ kind: "given", rle });
  const turned = { ...image, normal: { size: { height_px: 6, width_px: 4 } } } as ImageView;
  expect(() => wayOf(given, turned)).toThrow(OtherSize);
});

test("the same prompt on the same image is asked once, a changed one again", async () => {
  const asked: unknown[] = [];
  const cache = new MaskCache((id, body) => {
    asked.push([id, body.prompt?.points]);
    return Promise.resolve({ candidates: [{ rle }] });
  });
  await Promise.all([cache.of(template(), image), cache.of(template({ name: "renamed" }), image)]);
  expect(asked).toHaveLength(1);
  await cache.of(template({ prompt: other }), image);
  await cache.of(template(), { ...image, image_id: "i2" });
  expect(asked).toHaveLength(3);
});

test("a failure is not kept", async () => {
  let calls = 0;
  const cache = new MaskCache(() => {
    calls++;
    return calls === 1 ? Promise.reject(new Error("asleep")) : Promise.resolve({ candidates: [{ rle }] });
  });
  await expect(cache.of(template(), image)).rejects.toThrow("asleep");
  expect(await cache.of(template(), image)).toEqual(rle);
});

test("a prompt that finds nothing is an empty mask", async () => {
  const cache = new MaskCache(() => Promise.resolve({ candidates: [] }));
  expect(await cache.of(template(), image)).toEqual({ size, counts: "h0" });
});
