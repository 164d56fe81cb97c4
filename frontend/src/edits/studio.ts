/**
 * What a preview keeps between two moves of a slider: the small source, its masks and their alphas; it knows no worker.
 *
 * A preview is a small picture. Whatever is in pixels of the full picture (blur, sharpen, feather, grow) shrinks with it.
 */
import type { Composition, Refinement, Region } from "../api/types.ts";
import type { Size } from "../geometry/spaces.ts";
import { fieldOfRle } from "../masks/field.ts";
import { refine } from "../masks/refine.ts";
import { regionAlpha, type Alpha, type SoftMask } from "../masks/regions.ts";
import { InvalidMask, type Bitmap, type Rle } from "../masks/rle.ts";
import { variantsOf, type Rendered } from "./layers.ts";
import type { Picture } from "./picture.ts";
import { namesIn } from "./recipe.ts";
import type { ConcreteLayer } from "./sampling.ts";

/** A template's mask on the source: as it was found, and how it is refined. No run lengths mean the whole image. */
export interface NamedMask {
  readonly template: string;
  readonly rle: Rle | null;
  readonly refinement: Refinement;
}

/** No picture is there to render. */
export class NoSource extends Error {
  override readonly name = "NoSource";
}

/** The size of a preview: the longer side at most `sideMaxPx`, and never larger than the full picture. */
export function previewSize(full: Size, sideMaxPx: number): Size {
  const step = Math.max(1, Math.max(full.height_px, full.width_px) / sideMaxPx);
  return {
    height_px: Math.max(1, Math.round(full.height_px / step)),
    width_px: Math.max(1, Math.round(full.width_px / step)),
  };
}

export class Studio {
  readonly #sideMaxPx: number;
  #source: Picture | null = null;
  #full: Size = { height_px: 0, width_px: 0 };
  #scale = 1;
  #masks: readonly NamedMask[] = [];
  readonly #backgrounds = new Map<string, Picture>();
  readonly #parts = new Map<string, SoftMask>();
  readonly #alphas = new Map<string, Alpha | null>();

  constructor(sideMaxPx: number) {
    this.#sideMaxPx = sideMaxPx;
  }

  /** A picture of `previewSize(full)` takes the place of the one before, whose masks go. */
  setSource(picture: Picture, full: Size): void {
    this.#source = picture;
    this.#full = full;
    this.#scale = Math.max(picture.size.height_px, picture.size.width_px) / Math.max(full.height_px, full.width_px);
    this.setMasks([]);
  }

  setMasks(masks: readonly NamedMask[]): void {
    this.#masks = masks;
    this.#parts.clear();
    this.#alphas.clear();
  }

  setBackground(image: string, picture: Picture): void {
    this.#backgrounds.set(image, picture);
  }

  /** The variants of one sample; throws NoSource, MissingMask, MissingBackground and InvalidMask. */
  render(layers: readonly ConcreteLayer[], composition: Composition, seed: bigint): (Rendered | null)[] {
    const source = this.#source;
    if (!source) throw new NoSource();
    return variantsOf(source, layers, (region) => this.#alphaOf(region, source.size), {
      composition,
      seed,
      scale: this.#scale,
      backgrounds: this.#backgrounds,
    });
  }

  #alphaOf(region: Region, size: Size): Alpha | null {
    const key = JSON.stringify(region);
    const known = this.#alphas.get(key);
    if (known !== undefined) return known;
    const named = new Set(namesIn(region));
    for (const mask of this.#masks) {
      const isWanted = named.has(mask.template) && !this.#parts.has(mask.template);
      if (isWanted) this.#parts.set(mask.template, this.#refined(mask, size));
    }
    const alpha = regionAlpha(region, this.#parts, size);
    this.#alphas.set(key, alpha);
    return alpha;
  }

  #refined({ template, rle, refinement }: NamedMask, size: Size): SoftMask {
    const featherPx = refinement.feather_px * this.#scale;
    if (!rle) return { mask: new Uint8Array(size.height_px * size.width_px).fill(1), featherPx };
    if (rle.size.height_px !== this.#full.height_px || rle.size.width_px !== this.#full.width_px) {
      throw new InvalidMask(`The mask of ${template} is not of the picture's size.`);
    }
    return { mask: refine(smallMask(rle, this.#sideMaxPx), size, refinement, this.#scale), featherPx };
  }
}

/** A mask at the size of the preview: a pixel is set when more than half of it is covered. */
function smallMask(rle: Rle, sideMaxPx: number): Bitmap {
  const { values } = fieldOfRle(rle, sideMaxPx);
  const mask = new Uint8Array(values.length);
  for (let place = 0; place < mask.length; place++) mask[place] = (values[place] as number) > 0 ? 1 : 0;
  return mask;
}
