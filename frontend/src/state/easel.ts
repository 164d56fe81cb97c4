/**
 * One preview and what lies ready for it: the picture, the masks of its templates, the pictures behind cut-outs.
 *
 * It brings what a wish needs and is not there yet, in this order, and drops a wish when a newer one comes. It knows
 * no screen and no worker.
 */
import type { ImageView, Region, Rle, TemplateView } from "../api/types.ts";
import type { Ask, NamedMask, Preview, Variants } from "../edits/preview.ts";
import { namesIn } from "../edits/recipe.ts";

export interface Wish extends Ask {
  readonly image: ImageView;
  readonly templates: readonly TemplateView[];
}

/** What a wish is waiting for. */
export type Step = { kind: "picture" } | { kind: "mask"; template: string } | { kind: "render" };

export interface Stock {
  picture(image: ImageView): Promise<ImageBitmap>;
  background(id: string): Promise<{ image: ImageView; bitmap: ImageBitmap }>;
  /** Null: the whole image. */
  mask(template: TemplateView, image: ImageView): Promise<Rle | null>;
}

export class Easel {
  readonly #preview: Pick<Preview, "setSource" | "setMasks" | "setBackground" | "render">;
  readonly #stock: Stock;
  #turn = 0;
  #image = "";
  #masks = "";
  readonly #backgrounds = new Set<string>();

  constructor(preview: Pick<Preview, "setSource" | "setMasks" | "setBackground" | "render">, stock: Stock) {
    this.#preview = preview;
    this.#stock = stock;
  }

  /** The variants of a wish, or null when a newer one came; throws what the stock and the preview throw. */
  async paint(wish: Wish, tell: (step: Step) => void = () => undefined): Promise<Variants | null> {
    const turn = ++this.#turn;
    const isOver = (): boolean => turn !== this.#turn;
    if (this.#image !== wish.image.image_id) {
      tell({ kind: "picture" });
      const bitmap = await this.#stock.picture(wish.image);
      if (isOver()) return dropped(bitmap);
      this.#preview.setSource(bitmap, { isGrey: wish.image.normal?.is_grey ?? false });
      this.#image = wish.image.image_id;
      this.#masks = "";
    }
    for (const id of behind(wish)) {
      if (this.#backgrounds.has(id)) continue;
      tell({ kind: "picture" });
      const { image, bitmap } = await this.#stock.background(id);
      if (isOver()) return dropped(bitmap);
      this.#preview.setBackground(id, bitmap, { isGrey: image.normal?.is_grey ?? false });
      this.#backgrounds.add(id);
    }
    const masks = await this.#found(wish, tell);
    if (isOver()) return null;
    const key = JSON.stringify(masks);
    if (key !== this.#masks) {
      this.#preview.setMasks(masks);
      this.#masks = key;
    }
    tell({ kind: "render" });
    const variants = await this.#preview.render({
      layers: wish.layers,
      composition: wish.composition,
      seed: wish.seed,
    });
    return isOver() ? null : variants;
  }

  async #found(wish: Wish, tell: (step: Step) => void): Promise<NamedMask[]> {
    const names = new Set(wish.layers.flatMap(({ region }: { region: Region }) => namesIn(region)));
    const needed = wish.templates.filter(({ template_id }) => names.has(template_id));
    return Promise.all(
      needed.map(async (template) => {
        const asked = this.#stock.mask(template, wish.image);
        let isThere = false;
        void asked.then(
          () => (isThere = true),
          () => undefined,
        );
        await Promise.resolve();
        if (!isThere) tell({ kind: "mask", template: template.name });
        return { template: template.template_id, rle: await asked, refinement: template.refinement };
      }),
    );
  }
}

function behind({ layers }: Wish): string[] {
  const ids = layers.map(({ edits }) => (edits.cutout?.background === "image" ? edits.cutout.image_id : null));
  return [...new Set(ids.filter((id) => id !== null))];
}

function dropped(bitmap: ImageBitmap): null {
  bitmap.close();
  return null;
}
