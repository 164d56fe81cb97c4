/** Ranges, neutral values and bounds of a recipe, as the service has them: a golden vector holds the same table. */
import type { Cutout, Edits, Output, Paint, Splits } from "../api/types.ts";

export const VARIED = [
  "brightness",
  "contrast",
  "gamma",
  "hue",
  "saturation",
  "sharpen",
  "noise",
  "opacity",
] as const satisfies readonly (keyof Edits)[];

/** The edits that are one number, which may be drawn anew for each sample. */
export type VariedEdit = (typeof VARIED)[number];

export interface Range {
  readonly low: number;
  readonly high: number;
  readonly neutral: number;
}

export const RANGES: Readonly<Record<VariedEdit, Range>> = {
  brightness: { low: -1, high: 1, neutral: 0 },
  contrast: { low: -1, high: 1, neutral: 0 },
  gamma: { low: -0.9, high: 2, neutral: 0 },
  hue: { low: -180, high: 180, neutral: 0 },
  saturation: { low: -1, high: 3, neutral: 0 },
  sharpen: { low: 0, high: 2, neutral: 0 },
  noise: { low: 0, high: 0.2, neutral: 0 },
  opacity: { low: 0, high: 1, neutral: 1 },
};

/** Ranges of the numbers inside an edit that has several, by the name of the edit and of the field. */
export const PART_RANGES = {
  "paint.strength": { low: 0, high: 1 },
  "blur.radius": { low: 0, high: 50 },
  "cutout.radius": { low: 0, high: 100 },
  "cutout.margin": { low: 0, high: 1 },
  "thumbnail.long_side": { low: 16, high: 4096 },
  "output.quality": { low: 1, high: 100 },
} as const;

/** How much a recipe may ask for. */
export const BOUNDS = {
  templates: 16,
  layers: 16,
  samples: 50,
  choices: 64,
  region_depth: 8,
  region_masks: 64,
  variants_per_image: 200,
  pictures_per_image: 1000,
  variants_per_job: 50_000,
  images_per_job: 10_000,
  recipe_bytes: 32 * 1024,
} as const;

export const NEUTRAL: Readonly<Edits> = {
  brightness: 0,
  contrast: 0,
  gamma: 0,
  hue: 0,
  saturation: 0,
  paint: null,
  blur: null,
  sharpen: 0,
  noise: 0,
  opacity: 1,
  cutout: null,
  thumbnail: null,
};

/** What a paint starts from; the service has defaults for all but the colour. */
export const PAINT: Readonly<Paint> = { colour: "#2f6fde", strength: 1, keep_shading: true };

export const CUTOUT: Readonly<Cutout> = {
  background: "transparent",
  colour: "#ffffff",
  radius: 12,
  image_id: null,
  defringe: true,
  crop: false,
  margin: 0.05,
};

export const OUTPUT: Readonly<Output> = { format: "webp", quality: 88, effort: "fast" };
export const SPLITS: Readonly<Splits> = { train: 1, val: 0, test: 0, seed: 0, variants_in: ["train"] };
