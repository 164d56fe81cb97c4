/** What the service would refuse in a recipe, found before it is asked; codes only, the words stand elsewhere. */
import { depthOf, namesIn, picturesPerImage, reshapes, toSent, variantsPerImage } from "./recipe.ts";
import type { Draw, Layer, Recipe, Region } from "./recipe.ts";
import { BOUNDS, PART_RANGES, RANGES, VARIED } from "./ranges.ts";

export type FaultCode =
  | "no_templates"
  | "too_many_templates"
  | "template_twice"
  | "too_many_layers"
  | "unknown_template"
  | "region_empty"
  | "region_inverts_many"
  | "region_too_deep"
  | "region_too_wide"
  | "out_of_range"
  | "not_whole"
  | "bad_colour"
  | "no_background_image"
  | "draw_out_of_range"
  | "draw_reversed"
  | "draw_negative_deviation"
  | "draw_without_choices"
  | "draw_too_many_choices"
  | "samples_out_of_range"
  | "seed_out_of_range"
  | "too_many_variants"
  | "too_many_pictures"
  | "reshapes_before_the_end"
  | "shares_do_not_add_up"
  | "recipe_too_long";

export interface Fault {
  code: FaultCode;
  /** JSON pointer into the recipe, as the service's own refusals have it. */
  pointer: string;
  /** The bounds that were passed, where there are some. */
  low?: number;
  high?: number;
}

const COLOUR = /^#[0-9a-fA-F]{6}$/;
const SHARES_TOLERANCE = 1e-6;

/** All faults of a recipe, in the order of its fields; none when the service would take it. */
export function faultsOf(recipe: Recipe): Fault[] {
  const found: Fault[] = [...faultsOfTemplates(recipe)];
  if (recipe.layers.length > BOUNDS.layers)
    found.push({ code: "too_many_layers", pointer: "/layers", high: BOUNDS.layers });
  for (const [position, layer] of recipe.layers.entries()) {
    found.push(...faultsOfLayer(layer, `/layers/${position}`, recipe.templates));
  }
  found.push(...faultsOfWhole(recipe));
  return found;
}

function faultsOfTemplates({ templates }: Recipe): Fault[] {
  const pointer = "/templates";
  if (templates.length === 0) return [{ code: "no_templates", pointer }];
  if (new Set(templates).size < templates.length) return [{ code: "template_twice", pointer }];
  return templates.length > BOUNDS.templates ? [{ code: "too_many_templates", pointer, high: BOUNDS.templates }] : [];
}

function faultsOfWhole(recipe: Recipe): Fault[] {
  const found: Fault[] = [];
  const { samples_per_image: samples, seed, splits } = recipe;
  if (!Number.isInteger(samples) || samples < 1 || samples > BOUNDS.samples) {
    found.push({ code: "samples_out_of_range", pointer: "/samples_per_image", low: 1, high: BOUNDS.samples });
  } else if (variantsPerImage(recipe) > BOUNDS.variants_per_image) {
    found.push({ code: "too_many_variants", pointer: "/samples_per_image", high: BOUNDS.variants_per_image });
  } else if (picturesPerImage(recipe) > BOUNDS.pictures_per_image) {
    found.push({ code: "too_many_pictures", pointer: "/samples_per_image", high: BOUNDS.pictures_per_image });
  }
  for (const [pointer, value] of [
    ["/seed", seed],
    ["/splits/seed", splits.seed],
  ] as const) {
    if (!Number.isSafeInteger(value) || value < 0) {
      found.push({ code: "seed_out_of_range", pointer, low: 0, high: Number.MAX_SAFE_INTEGER });
    }
  }
  found.push(...inPart("/output/quality", recipe.output.quality, "output.quality", { whole: true }));
  const shares = [splits.train, splits.val, splits.test];
  const sum = splits.train + splits.val + splits.test;
  if (shares.some((share) => !(share >= 0 && share <= 1)) || !(Math.abs(sum - 1) <= SHARES_TOLERANCE)) {
    found.push({ code: "shares_do_not_add_up", pointer: "/splits" });
  }
  const early = recipe.composition === "stacked" ? recipe.layers.slice(0, -1).findIndex(reshapes) : -1;
  if (early >= 0) found.push({ code: "reshapes_before_the_end", pointer: `/layers/${early}/edits` });
  if (new TextEncoder().encode(JSON.stringify(toSent(recipe))).length > BOUNDS.recipe_bytes) {
    found.push({ code: "recipe_too_long", pointer: "", high: BOUNDS.recipe_bytes });
  }
  return found;
}

function faultsOfLayer({ region, edits, vary }: Layer, at: string, templates: string[]): Fault[] {
  const found = faultsOfRegion(region, `${at}/region`, templates);
  for (const name of VARIED) {
    const { low, high } = RANGES[name];
    const pointer = `${at}/edits/${name}`;
    if (!(edits[name] >= low && edits[name] <= high)) found.push({ code: "out_of_range", pointer, low, high });
    const draw = vary[name];
    if (draw) found.push(...faultsOfDraw(draw, `${at}/vary/${name}`, low, high));
  }
  const { paint, blur, cutout, thumbnail } = edits;
  if (paint) {
    found.push(...ofColour(`${at}/edits/paint/colour`, paint.colour));
    found.push(...inPart(`${at}/edits/paint/strength`, paint.strength, "paint.strength"));
  }
  if (blur) found.push(...inPart(`${at}/edits/blur/radius`, blur.radius, "blur.radius"));
  if (cutout) {
    found.push(...ofColour(`${at}/edits/cutout/colour`, cutout.colour));
    found.push(...inPart(`${at}/edits/cutout/radius`, cutout.radius, "cutout.radius"));
    found.push(...inPart(`${at}/edits/cutout/margin`, cutout.margin, "cutout.margin"));
    if (cutout.background === "image" && !cutout.image_id) {
      found.push({ code: "no_background_image", pointer: `${at}/edits/cutout/image_id` });
    }
  }
  if (thumbnail) {
    const pointer = `${at}/edits/thumbnail/long_side`;
    found.push(...inPart(pointer, thumbnail.long_side, "thumbnail.long_side", { whole: true }));
  }
  return found;
}

function faultsOfRegion(region: Region, pointer: string, templates: string[]): Fault[] {
  const names = namesIn(region);
  if (hasEmpty(region)) return [{ code: "region_empty", pointer }];
  if (invertsMany(region)) return [{ code: "region_inverts_many", pointer }];
  if (depthOf(region) > BOUNDS.region_depth) return [{ code: "region_too_deep", pointer, high: BOUNDS.region_depth }];
  if (names.length > BOUNDS.region_masks) return [{ code: "region_too_wide", pointer, high: BOUNDS.region_masks }];
  return names.some((name) => !templates.includes(name)) ? [{ code: "unknown_template", pointer }] : [];
}

function hasEmpty(region: Region): boolean {
  return typeof region !== "string" && (region.of.length === 0 || region.of.some(hasEmpty));
}

function invertsMany(region: Region): boolean {
  if (typeof region === "string") return false;
  return (region.op === "invert" && region.of.length > 1) || region.of.some(invertsMany);
}

function faultsOfDraw(draw: Draw, pointer: string, low: number, high: number): Fault[] {
  const named = namedBy(draw);
  if (named.length === 0) return [{ code: "draw_without_choices", pointer }];
  if (named.length > BOUNDS.choices) return [{ code: "draw_too_many_choices", pointer, high: BOUNDS.choices }];
  if (draw.kind === "uniform" && draw.low > draw.high) return [{ code: "draw_reversed", pointer }];
  if (draw.kind === "normal" && !(draw.deviation >= 0 && Number.isFinite(draw.deviation))) {
    return [{ code: "draw_negative_deviation", pointer }];
  }
  const isInside = named.every((value) => value >= low && value <= high);
  return isInside ? [] : [{ code: "draw_out_of_range", pointer, low, high }];
}

/** The values that a distribution names: its bounds, its choices or its mean. */
function namedBy(draw: Draw): number[] {
  if (draw.kind === "uniform") return [draw.low, draw.high];
  return draw.kind === "normal" ? [draw.mean] : draw.values;
}

function ofColour(pointer: string, colour: string): Fault[] {
  return COLOUR.test(colour) ? [] : [{ code: "bad_colour", pointer }];
}

function inPart(pointer: string, value: number, name: keyof typeof PART_RANGES, { whole = false } = {}): Fault[] {
  const { low, high } = PART_RANGES[name];
  if (whole && !Number.isInteger(value)) return [{ code: "not_whole", pointer, low, high }];
  return value >= low && value <= high ? [] : [{ code: "out_of_range", pointer, low, high }];
}
