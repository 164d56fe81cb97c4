import { expect, test } from "vitest";
import type { ImageView, TemplateView } from "../api/types.ts";
import { emptyLayer } from "../edits/recipe.ts";
import { CUTOUT } from "../edits/ranges.ts";
import type { Ask, Variants } from "../edits/preview.ts";
import { Easel, type Stock, type Wish } from "./easel.ts";

const templates = ["a", "b"].map((id) => ({ template_id: id, name: id, refinement: {} }) as TemplateView);
const image = (id: string): ImageView => ({ image_id: id, normal: { is_grey: false } }) as ImageView;
const bitmap = { close: () => undefined } as ImageBitmap;

function stage() {
  const done: string[] = [];
  const preview = {
    setSource: () => void done.push("source"),
    setMasks: (masks: readonly { template: string }[]) =>
      void done.push(`masks ${masks.map(({ template }) => template).join("+")}`),
    setBackground: (id: string) => void done.push(`background ${id}`),
    render: (_ask: Ask): Promise<Variants> => {
      done.push("render");
      return Promise.resolve([null]);
    },
  };
  const stock: Stock = {
    picture: () => Promise.resolve(bitmap),
    background: (id) => Promise.resolve({ image: image(id), bitmap }),
    mask: () => Promise.resolve(null),
  };
  return { done, stock, easel: new Easel(preview, stock) };
}

function wish(id: string, names: string[], cutoutOn?: string): Wish {
  const layers = names.map((name) => emptyLayer(name));
  const [first] = layers;
  if (cutoutOn !== undefined && first) first.edits.cutout = { ...CUTOUT, background: "image", image_id: cutoutOn };
  return { image: image(id), templates, layers, composition: "stacked", seed: 0n };
}

test("what is there is not brought again", async () => {
  const { done, easel } = stage();
  await easel.paint(wish("i1", ["a"]));
  await easel.paint(wish("i1", ["a"]));
  await easel.paint(wish("i1", ["a", "b"]));
  await easel.paint(wish("i2", ["a", "b"]));
  expect(done.join(", ")).toBe("source, masks a, render, render, masks a+b, render, source, masks a+b, render");
});

test("a picture behind a cut-out is brought once", async () => {
  const { done, easel } = stage();
  await easel.paint(wish("i1", ["a"], "i9"));
  await easel.paint(wish("i2", ["a"], "i9"));
  expect(done.filter((step) => step.startsWith("background"))).toEqual(["background i9"]);
});

test("a wish that a newer one replaced is answered with null, whatever it was waiting for", async () => {
  const { done, stock, easel } = stage();
  let arrive: (made: ImageBitmap) => void = () => undefined;
  stock.picture = (wanted) =>
    wanted.image_id === "i1" ? new Promise((resolve) => (arrive = resolve)) : Promise.resolve(bitmap);
  const older = easel.paint(wish("i1", ["a"]));
  const newer = easel.paint(wish("i2", ["a"]));
  expect(await newer).toEqual([null]);
  arrive(bitmap);
  expect(await older).toBe(null);
  expect(done.filter((step) => step === "source")).toHaveLength(1);
});

test("the reader is told what is waited for", async () => {
  const { stock, easel } = stage();
  stock.mask = () => new Promise((resolve) => setTimeout(() => resolve(null), 5));
  const told: string[] = [];
  await easel.paint(wish("i1", ["b"]), (step) => told.push(step.kind === "mask" ? step.template : step.kind));
  expect(told).toEqual(["picture", "b", "render"]);
});
