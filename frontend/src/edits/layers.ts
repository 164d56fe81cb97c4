/** The pictures that a recipe's layers make of one source; it knows no job, no canvas and no storage. */
import type { Composition, Region } from "../api/types.ts";
import type { PixelBox } from "../geometry/pixels.ts";
import type { Alpha } from "../masks/regions.ts";
import { cropOf, cropped, cutOut } from "./cutout.ts";
import { applyEdits, type Look } from "./formulas.ts";
import { wholeOf, type Picture } from "./picture.ts";
import { resized, shrunkSize } from "./resize.ts";
import type { ConcreteLayer } from "./sampling.ts";

/** The pictures behind cut-outs, by image id. */
export type Backgrounds = ReadonlyMap<string, Picture>;

/** The alpha of a region on the source; null for an empty one. */
export type AlphaOf = (region: Region) => Alpha | null;

export interface Rendered {
  readonly picture: Picture;
  /** The part of the source that the picture shows. */
  readonly crop: PixelBox;
}

/**
 * The variants of one sample in the recipe's order: one a layer, or all layers in one.
 *
 * Null stands where the regions are empty, of which the service makes no variant.
 */
export function variantsOf(
  source: Picture,
  layers: readonly ConcreteLayer[],
  alphaOf: AlphaOf,
  { composition, backgrounds, ...look }: Look & { composition: Composition; backgrounds?: Backgrounds },
): (Rendered | null)[] {
  const groups = composition === "stacked" ? [layers] : layers.map((layer) => [layer]);
  return groups
    .filter((group) => group.length > 0)
    .map((group) => render(source, group, alphaOf, { ...look, backgrounds: backgrounds ?? new Map() }));
}

/**
 * The layers applied in order; a cut-out and a thumbnail of the last layer shape the result.
 *
 * Null when no layer has a region here. Throws MissingBackground and MissingMask.
 */
export function render(
  source: Picture,
  layers: readonly ConcreteLayer[],
  alphaOf: AlphaOf,
  { seed, scale = 1, backgrounds }: Look & { backgrounds: Backgrounds },
): Rendered | null {
  let picture = source;
  let crop = wholeOf(source.size);
  const drawn = layers.flatMap(({ region, edits }) => {
    const alpha = alphaOf(region);
    return alpha ? [{ alpha, edits }] : [];
  });
  for (const [position, { alpha, edits }] of drawn.entries()) {
    picture = applyEdits(picture, alpha, edits, { seed: seed + BigInt(position), scale });
    if (!edits.cutout) continue;
    const background = backgrounds.get(edits.cutout.image_id ?? "");
    picture = cutOut(picture, alpha, edits.cutout, { background, scale });
    crop = cropOf(alpha, edits.cutout);
  }
  const last = drawn.at(-1);
  return last ? { picture: shaped(picture, crop, last.edits.thumbnail?.long_side), crop } : null;
}

function shaped(picture: Picture, crop: PixelBox, longSidePx: number | undefined): Picture {
  const kept = cropped(picture, crop);
  return longSidePx === undefined ? kept : resized(kept, shrunkSize(kept.size, longSidePx));
}
