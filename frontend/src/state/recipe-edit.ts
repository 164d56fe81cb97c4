/** Changes of a recipe as functions from one recipe to the next; they know no screen and ask no service. */
import { emptyLayer, emptyRecipe, namesIn, type Draw, type Layer, type Recipe, type Region } from "../edits/recipe.ts";
import { BOUNDS, RANGES, type VariedEdit } from "../edits/ranges.ts";
import type { Fault } from "../edits/faults.ts";
import type { RegionOp } from "../api/types.ts";

/** Where a reader begins: every template labelled, one layer on the first. */
export function firstRecipe(templates: readonly string[]): Recipe {
  const [first] = templates;
  const chosen = templates.slice(0, BOUNDS.templates);
  return { ...emptyRecipe(), templates: [...chosen], layers: first === undefined ? [] : [emptyLayer(first)] };
}

export function withLayer(recipe: Recipe, position: number, layer: Layer): Recipe {
  return withNames({ ...recipe, layers: recipe.layers.with(position, layer) });
}

export function withoutLayer(recipe: Recipe, position: number): Recipe {
  return { ...recipe, layers: recipe.layers.toSpliced(position, 1) };
}

/** A copy after the layer itself. */
export function withTwin(recipe: Recipe, position: number): Recipe {
  const layer = recipe.layers[position];
  return layer ? { ...recipe, layers: recipe.layers.toSpliced(position + 1, 0, structuredClone(layer)) } : recipe;
}

export function moved(recipe: Recipe, position: number, step: -1 | 1): Recipe {
  const layer = recipe.layers[position];
  const to = position + step;
  if (layer === undefined || to < 0 || to >= recipe.layers.length) return recipe;
  return { ...recipe, layers: recipe.layers.toSpliced(position, 1).toSpliced(to, 0, layer) };
}

/** A recipe labels every template that its layers name. */
export function withNames(recipe: Recipe): Recipe {
  const names = new Set([...recipe.templates, ...recipe.layers.flatMap(({ region }) => namesIn(region))]);
  names.delete("");
  return names.size === recipe.templates.length ? recipe : { ...recipe, templates: [...names] };
}

export function isUsed(recipe: Recipe, template: string): boolean {
  return recipe.layers.some(({ region }) => namesIn(region).includes(template));
}

/** A region combined: with another template, or turned into everything but itself. */
export function combined(region: Region, op: RegionOp, other: string): Region {
  if (op === "invert") return { op, of: [region] };
  if (typeof region !== "string" && region.op === op) return { op, of: [...region.of, other] };
  return { op, of: [region, other] };
}

/** The same operands under another operation; "all but" takes one, so that the others are joined first. */
export function operated(region: Exclude<Region, string>, op: RegionOp, other: string): Region {
  if (op === region.op) return region;
  if (op === "invert")
    return { op, of: [region.of.length === 1 ? (region.of[0] ?? other) : { op: "union", of: region.of }] };
  return { op, of: region.op === "invert" ? [...region.of, other] : region.of };
}

/** Without one operand; an expression with a single one left is that one, unless it inverts. */
export function without(region: Exclude<Region, string>, position: number): Region {
  const of = region.of.toSpliced(position, 1);
  const [only] = of;
  return of.length === 1 && only !== undefined && region.op !== "invert" ? only : { op: region.op, of };
}

/** A distribution to begin with, around the value that stood there. */
export function drawAround(name: VariedEdit, value: number): Draw {
  const { low, high } = RANGES[name];
  const reach = (high - low) / 8;
  const rounded = (number: number): number => Number(number.toFixed(2));
  return { kind: "uniform", low: rounded(Math.max(low, value - reach)), high: rounded(Math.min(high, value + reach)) };
}

/** The same values as another kind of distribution would have them. */
export function drawAs(kind: Draw["kind"], draw: Draw): Draw {
  if (kind === draw.kind) return draw;
  const values = draw.kind === "choice" ? draw.values : [];
  const low =
    draw.kind === "uniform" ? draw.low : draw.kind === "normal" ? draw.mean - draw.deviation : Math.min(...values);
  const high =
    draw.kind === "uniform" ? draw.high : draw.kind === "normal" ? draw.mean + draw.deviation : Math.max(...values);
  const rounded = (number: number): number => (Number.isFinite(number) ? Number(number.toFixed(3)) : 0);
  if (kind === "uniform") return { kind, low: rounded(low), high: rounded(high) };
  if (kind === "normal") return { kind, mean: rounded((low + high) / 2), deviation: rounded((high - low) / 2) };
  return { kind, values: [rounded(low), rounded((low + high) / 2), rounded(high)] };
}

/** Numbers of a text with commas, semicolons or spaces between them; what is no number is left out. */
export function numbersIn(text: string): number[] {
  return text
    .split(/[,;\s]+/)
    .filter((part) => part !== "")
    .map(Number)
    .filter((value) => Number.isFinite(value));
}

/** The first fault at a pointer or, where `deep`, anywhere below it. */
export function faultAt(faults: readonly Fault[], pointer: string, { deep = false } = {}): Fault | null {
  return faults.find((fault) => fault.pointer === pointer || (deep && fault.pointer.startsWith(`${pointer}/`))) ?? null;
}
