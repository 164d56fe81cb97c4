/** A found mask as it is drawn: refined, with its outline, its soft edge and its share of the picture; it draws nothing. */
import type { Refinement } from "../../api/types.ts";
import { outline, svgPath } from "../../masks/contour.ts";
import { feather } from "../../masks/feather.ts";
import { fieldOfRle, shareOf, type Field } from "../../masks/field.ts";
import { refine } from "../../masks/refine.ts";
import { areaOf, type Rle } from "../../masks/rle.ts";

export interface ShownMask {
  readonly field: Field;
  /** The `d` of an SVG path, in pixels of the image. */
  readonly path: string;
  /** Of the image, as far as it is inside the mask. */
  readonly share: number;
  /** How opaque each sample is, where the edge is soft; null where it is as sharp as the field. */
  readonly alpha: Float32Array | null;
}

/** Samples along the longer side that masks are drawn with on the stage, and in small pictures. */
export const STAGE_SIDE = 1536;
export const CARD_SIDE = 320;

export function shownMask(rle: Rle, refinement: Refinement, sideMax = STAGE_SIDE): ShownMask {
  const raw = fieldOfRle(rle, sideMax);
  const scale = 1 / raw.stepX;
  const field = refinedField(raw, refinement, scale);
  const samples = { height_px: field.height, width_px: field.width };
  const softPx = refinement.feather_px * scale;
  return {
    field,
    path: svgPath(outline(field)),
    share: field === raw ? areaOf(rle) / (rle.size.height_px * rle.size.width_px) : shareOf(field),
    alpha: softPx > 0.5 ? feather(bitmapOf(field), samples, softPx) : null,
  };
}

/** A preview as it came, without anything done to it. */
export function shownField(field: Field): ShownMask {
  return { field, path: svgPath(outline(field)), share: shareOf(field), alpha: null };
}

/** Refined on its samples: exact where there is one for each pixel, and near it where there are fewer. */
function refinedField(field: Field, refinement: Refinement, scale: number): Field {
  const { island_area_min, hole_area_min, grow_px } = refinement;
  if (island_area_min === 0 && hole_area_min === 0 && grow_px === 0) return field;
  const samples = { height_px: field.height, width_px: field.width };
  const refined = refine(bitmapOf(field), samples, refinement, scale);
  return { ...field, values: Float32Array.from(refined, (inside) => inside - 0.5) };
}

function bitmapOf(field: Field): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(field.values, (value) => (value > 0 ? 1 : 0));
}
