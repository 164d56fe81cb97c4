/**
 * The mask that a template has on an image, asked for once: the same prompt on the same image is the same mask.
 *
 * It follows the service: an override counts before everything, then the placement.
 */
import type { ImageView, Prompt, Rle, SegmentImage, TemplateView } from "../api/types.ts";
import type { Sent } from "../api/client.ts";
import { encodeRle } from "../masks/rle.ts";

const KEPT_MAX = 200;

/** The template's own mask is for images of another size. */
export class OtherSize extends Error {
  readonly template: string;

  constructor(template: string) {
    super(`the mask of ${template} is for images of another size`);
    this.template = template;
  }
}

/** How a template's mask comes about on an image. */
export type Way = { kind: "whole" } | { kind: "given"; rle: Rle } | { kind: "asked"; prompt: Prompt };

export function wayOf(template: TemplateView, image: Pick<ImageView, "image_id" | "normal">): Way {
  const override = template.overrides[image.image_id];
  if (override) return { kind: "asked", prompt: override };
  if (template.placement === "whole") return { kind: "whole" };
  const given = template.prompt?.previous;
  if (template.placement === "mask" && given) {
    const size = image.normal?.size;
    if (size?.height_px !== given.size.height_px || size.width_px !== given.size.width_px) {
      throw new OtherSize(template.name);
    }
    return { kind: "given", rle: given };
  }
  const centre: Prompt = { points: [{ x: 0.5, y: 0.5, positive: true }], box: null, previous: null };
  return { kind: "asked", prompt: template.placement === "centre" ? centre : (template.prompt ?? centre) };
}

type Ask = (image: string, body: Sent<SegmentImage>) => Promise<{ candidates: { rle: Rle }[] }>;

export class MaskCache {
  readonly #ask: Ask;
  readonly #kept = new Map<string, Promise<Rle | null>>();

  constructor(ask: Ask) {
    this.#ask = ask;
  }

  /** Null: the whole image. Throws OtherSize, and what asking throws; a failure is asked for again the next time. */
  of(template: TemplateView, image: ImageView): Promise<Rle | null> {
    const way = wayOf(template, image);
    if (way.kind === "whole") return Promise.resolve(null);
    if (way.kind === "given") return Promise.resolve(way.rle);
    const body = { prompt: way.prompt, choice: template.choice };
    const key = `${image.image_id}/${JSON.stringify(body)}`;
    const kept = this.#kept.get(key);
    if (kept) return kept;
    const asked = this.#ask(image.image_id, body).then(({ candidates }) => candidates[0]?.rle ?? emptyOf(image));
    asked.catch(() => this.#kept.delete(key));
    this.#kept.set(key, asked);
    const [oldest] = this.#kept.keys();
    if (this.#kept.size > KEPT_MAX && oldest !== undefined) this.#kept.delete(oldest);
    return asked;
  }
}

function emptyOf(image: ImageView): Rle {
  const size = image.normal?.size ?? { height_px: 1, width_px: 1 };
  return encodeRle(new Uint8Array(size.height_px * size.width_px), size);
}
