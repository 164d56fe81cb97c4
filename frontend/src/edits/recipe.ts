/** The recipe that a screen edits: every field present. It knows no screen, no words and no pixels. */
import type { Sent } from "../api/client.ts";
import type * as api from "../api/types.ts";
import { BOUNDS, CUTOUT, NEUTRAL, OUTPUT, PAINT, SPLITS, VARIED, type VariedEdit } from "./ranges.ts";

export type Region = api.Region;
export type Draws = Partial<Record<VariedEdit, Draw>>;

/** A distribution, with one of the three alone. */
export type Draw =
  | { kind: "uniform"; low: number; high: number }
  | { kind: "normal"; mean: number; deviation: number }
  | { kind: "choice"; values: number[] };

export interface Layer {
  region: Region;
  edits: api.Edits;
  vary: Draws;
}

export interface Recipe {
  templates: string[];
  layers: Layer[];
  composition: api.Composition;
  samples_per_image: number;
  seed: number;
  output: api.Output;
  sources: boolean;
  exports: api.ExportFormat[];
  splits: api.Splits;
}

export function emptyRecipe(): Recipe {
  return {
    templates: [],
    layers: [],
    composition: "separate",
    samples_per_image: 1,
    seed: 0,
    output: { ...OUTPUT },
    sources: true,
    exports: [],
    splits: { ...SPLITS, variants_in: [...SPLITS.variants_in] },
  };
}

export function emptyLayer(region: Region): Layer {
  return { region, edits: { ...NEUTRAL }, vary: {} };
}

/** Whether an edit stands at the value that changes nothing. */
export function isNeutral(name: keyof api.Edits, edits: api.Edits): boolean {
  if (name === "paint") return edits.paint === null || edits.paint.strength === 0;
  if (name === "blur") return edits.blur === null || edits.blur.radius === 0;
  return edits[name] === NEUTRAL[name];
}

/** Whether the edits inside the region (all but cutout and thumbnail) can change anything. */
export function changesPixels(edits: api.Edits): boolean {
  if (edits.opacity <= 0) return false;
  return !isNeutral("paint", edits) || !isNeutral("blur", edits) || VARIED.some((name) => acts(name, edits));
}

function acts(name: VariedEdit, edits: api.Edits): boolean {
  return name !== "opacity" && !isNeutral(name, edits);
}

/** Whether a layer does anything at all, in some sample. */
export function doesNothing(layer: Layer): boolean {
  const { cutout, thumbnail } = layer.edits;
  return cutout === null && thumbnail === null && !changesPixels(layer.edits) && Object.keys(layer.vary).length === 0;
}

/** Whether the samples of one image can differ. */
export function isVaried(recipe: Recipe): boolean {
  return recipe.layers.some((layer) => Object.keys(layer.vary).length > 0 || layer.edits.noise > 0);
}

/** How many variants one image yields; a recipe without layers makes labels only. */
export function variantsPerImage(recipe: Recipe): number {
  if (recipe.layers.length === 0) return 0;
  return (recipe.composition === "stacked" ? 1 : recipe.layers.length) * recipe.samples_per_image;
}

/** The most pictures that one image yields: its variants, and the masks of those that are cut out or shrunk. */
export function picturesPerImage(recipe: Recipe): number {
  const reshaping = recipe.layers.filter(reshapes).length;
  return variantsPerImage(recipe) + reshaping * recipe.samples_per_image * recipe.templates.length;
}

/** How many images one job may hold, by what the recipe makes of each. */
export function imagesMax(recipe: Recipe): number {
  return Math.min(BOUNDS.images_per_job, Math.floor(BOUNDS.variants_per_job / Math.max(1, variantsPerImage(recipe))));
}

/** Whether a layer changes the picture's shape, which only the last layer of a stack may. */
export function reshapes(layer: Layer): boolean {
  return layer.edits.cutout !== null || layer.edits.thumbnail !== null;
}

/** The templates that a region names, in order, with repetitions. */
export function namesIn(region: Region): string[] {
  return typeof region === "string" ? [region] : region.of.flatMap(namesIn);
}

/** How deep an expression nests; a template alone has depth 0. */
export function depthOf(region: Region): number {
  return typeof region === "string" ? 0 : 1 + Math.max(0, ...region.of.map(depthOf));
}

/** The request of a recipe, without what is neutral or a default. */
export function toSent(recipe: Recipe): Sent<api.Recipe> {
  const plain = emptyRecipe();
  const layers = recipe.layers.map(sentLayer);
  return {
    templates: [...recipe.templates],
    ...(layers.length > 0 && { layers }),
    ...(recipe.composition !== plain.composition && { composition: recipe.composition }),
    ...(recipe.samples_per_image !== 1 && { samples_per_image: recipe.samples_per_image }),
    ...(recipe.seed !== 0 && { seed: recipe.seed }),
    ...(!same(recipe.output, OUTPUT) && { output: changed(recipe.output, OUTPUT) }),
    ...(!recipe.sources && { sources: false }),
    ...(recipe.exports.length > 0 && { exports: [...recipe.exports] }),
    ...(!same(recipe.splits, SPLITS) && { splits: changed(recipe.splits, SPLITS) }),
  };
}

/** The recipe that a request means: what it leaves out takes its default. */
export function fromSent(sent: Sent<api.Recipe>): Recipe {
  const plain = emptyRecipe();
  return {
    templates: present(sent.templates),
    layers: present(sent.layers).map((layer) => fullLayer(layer)),
    composition: sent.composition ?? plain.composition,
    samples_per_image: sent.samples_per_image ?? plain.samples_per_image,
    seed: sent.seed ?? plain.seed,
    output: filled(plain.output, sent.output),
    sources: sent.sources ?? plain.sources,
    exports: present(sent.exports),
    splits: filled(plain.splits, sent.splits),
  };
}

/** The API's distribution. */
export function distributionOf(draw: Draw): Sent<api.Distribution> {
  if (draw.kind === "uniform") return { uniform: [draw.low, draw.high] };
  if (draw.kind === "normal") return { normal: [draw.mean, draw.deviation] };
  return { choice: [...draw.values] };
}

function sentLayer(layer: Layer): Sent<api.Layer> {
  const edits: Sent<api.Edits> = changed(layer.edits, NEUTRAL);
  if (isNeutral("blur", layer.edits)) delete edits.blur;
  if (isNeutral("paint", layer.edits)) delete edits.paint;
  else if (layer.edits.paint) edits.paint = { ...changed(layer.edits.paint, PAINT), colour: layer.edits.paint.colour };
  if (layer.edits.cutout) edits.cutout = changed(layer.edits.cutout, CUTOUT);
  const vary = Object.fromEntries(Object.entries(layer.vary).map(([name, draw]) => [name, distributionOf(draw)]));
  return {
    region: layer.region,
    ...(Object.keys(edits).length > 0 && { edits }),
    ...(Object.keys(vary).length > 0 && { vary }),
  };
}

function fullLayer(sent: Sent<api.Layer>): Layer {
  const { paint, cutout, ...edits } = filled<api.Edits>(NEUTRAL, sent.edits);
  const vary: Draws = {};
  for (const name of VARIED) {
    const draw = drawOf(sent.vary?.[name]);
    if (draw) vary[name] = draw;
  }
  return {
    region: regionOf(sent.region),
    edits: {
      ...edits,
      paint: paint && filled<api.Paint>(PAINT, paint),
      cutout: cutout && filled<api.Cutout>(CUTOUT, cutout),
    },
    vary,
  };
}

function drawOf(sent: Sent<api.Distribution> | null | undefined): Draw | null {
  if (sent?.uniform) return { kind: "uniform", low: sent.uniform[0] ?? 0, high: sent.uniform[1] ?? 0 };
  if (sent?.normal) return { kind: "normal", mean: sent.normal[0] ?? 0, deviation: sent.normal[1] ?? 0 };
  return sent?.choice ? { kind: "choice", values: present(sent.choice) } : null;
}

function regionOf(sent: Sent<Region> | null | undefined): Region {
  if (typeof sent === "string") return sent;
  const { op, of } = (sent ?? {}) as Sent<api.RegionExpr>;
  return { op: op ?? "union", of: present(of as Sent<Region>[] | null | undefined).map(regionOf) };
}

/** The fields of `value` that differ from `plain`. */
function changed<T extends object>(value: T, plain: Readonly<T>): Partial<T> {
  const kept = Object.entries(value).filter(([name, own]) => !same(own, plain[name as keyof T]));
  return Object.fromEntries(kept) as Partial<T>;
}

/** `plain` with the fields that `sent` gives. */
function filled<T extends object>(plain: Readonly<T>, sent: Sent<T> | Partial<T> | null | undefined): T {
  const given = Object.entries(sent ?? {}).filter(([, own]) => own !== undefined && own !== null);
  return { ...structuredClone(plain), ...structuredClone(Object.fromEntries(given)) } as T;
}

function present<T>(list: readonly (T | null | undefined)[] | null | undefined): NonNullable<T>[] {
  return (list ?? []).filter((value) => value !== null && value !== undefined);
}

function same(one: unknown, other: unknown): boolean {
  return one === other || JSON.stringify(one) === JSON.stringify(other);
}
