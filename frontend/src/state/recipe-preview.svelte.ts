/** The live preview of a recipe on one image: one picture of the chosen layer, and six samples where it varies. */
import { mediaUrl } from "../api/client.ts";
import type { ImageView, TemplateView } from "../api/types.ts";
import { openPreview, type Preview, PREVIEW_SIDE_PX, type Shown } from "../edits/preview.ts";
import { isVaried, type Recipe } from "../edits/recipe.ts";
import { draw } from "../edits/sampling.ts";
import { app } from "./app.svelte.ts";
import { Easel, type Step, type Stock, type Wish } from "./easel.ts";
import { MaskCache } from "./recipe-masks.ts";

const EXAMPLES = 6;
const EXAMPLE_SIDE_PX = 288;
/** Examples wait until the reader pauses: six pictures are work. */
const EXAMPLES_AFTER_MS = 350;
const PICTURES_KEPT = 6;

export interface Look {
  readonly recipe: Recipe;
  readonly image: ImageView;
  readonly templates: readonly TemplateView[];
  /** Which layer; all of them where they are stacked. */
  readonly layer: number;
  readonly sample: number;
}

/** Caches of a dataset outlive the screen: coming back shows at once what was found before. */
const caches = new Map<string, MaskCache>();

export class RecipePreview {
  /** Undefined: nothing yet; null: the region is empty here. */
  shown = $state.raw<Shown | null | undefined>(undefined);
  source = $state.raw<ImageBitmap | null>(null);
  step = $state.raw<Step | null>(null);
  error = $state.raw<unknown>(null);
  examples = $state.raw<(Shown | null)[]>([]);
  readonly #dataset: string;
  readonly #pictures = new Map<string, Promise<Blob>>();
  readonly #previews: Preview[] = [];
  readonly #main: Easel;
  readonly #small: Easel;
  #turn = 0;
  #shownSource = "";
  #examplesTurn = 0;
  #later: ReturnType<typeof setTimeout> | undefined;

  constructor(dataset: string) {
    this.#dataset = dataset;
    this.#main = new Easel(this.#open(PREVIEW_SIDE_PX), this.#stock());
    this.#small = new Easel(this.#open(EXAMPLE_SIDE_PX), this.#stock());
  }

  stop(): void {
    this.#turn++;
    this.#examplesTurn++;
    clearTimeout(this.#later);
    for (const preview of this.#previews) preview.close();
    this.source?.close();
  }

  async show(look: Look): Promise<void> {
    const turn = ++this.#turn;
    this.#examplesSoon(look);
    if (look.recipe.layers.length === 0) {
      this.shown = undefined;
      this.step = null;
      return;
    }
    try {
      const made = await this.#main.paint(await wishOf(look, look.sample), (step) => {
        if (turn === this.#turn) this.step = step;
      });
      if (made === null || turn !== this.#turn) return;
      await this.#showSource(look.image);
      if (turn !== this.#turn) return;
      this.shown = made[0] ?? null;
      this.error = null;
      this.step = null;
    } catch (error) {
      if (turn !== this.#turn) return;
      this.error = error;
      this.step = null;
    }
  }

  #examplesSoon(look: Look): void {
    clearTimeout(this.#later);
    this.#examplesTurn++;
    if (!isVaried(look.recipe)) {
      this.examples = [];
      return;
    }
    this.#later = setTimeout(() => void this.#showExamples(look), EXAMPLES_AFTER_MS);
  }

  async #showExamples(look: Look): Promise<void> {
    const turn = ++this.#examplesTurn;
    const made: (Shown | null)[] = [];
    try {
      for (let sample = 0; sample < EXAMPLES; sample++) {
        const variants = await this.#small.paint(await wishOf(look, sample));
        if (variants === null || turn !== this.#examplesTurn) return;
        made.push(variants[0] ?? null);
        this.examples = [...made, ...this.examples.slice(made.length)];
      }
    } catch {
      // The large preview says what is wrong.
      if (turn === this.#examplesTurn) this.examples = [];
    }
  }

  async #showSource(image: ImageView): Promise<void> {
    if (this.#shownSource === image.image_id) return;
    const bitmap = await this.#bitmap(image);
    this.source?.close();
    this.source = bitmap;
    this.#shownSource = image.image_id;
  }

  #open(sidePx: number): Preview {
    const preview = openPreview(sidePx);
    this.#previews.push(preview);
    return preview;
  }

  #stock(): Stock {
    return {
      picture: (image) => this.#bitmap(image),
      background: async (id) => {
        const image = await app.api.image(this.#dataset, id);
        return { image, bitmap: await this.#bitmap(image) };
      },
      mask: (template, image) => {
        let cache = caches.get(this.#dataset);
        if (cache === undefined) {
          cache = new MaskCache((id, body) => app.api.segment(this.#dataset, id, body));
          caches.set(this.#dataset, cache);
        }
        return cache.of(template, image);
      },
    };
  }

  async #bitmap(image: ImageView): Promise<ImageBitmap> {
    let blob = this.#pictures.get(image.image_id);
    if (blob === undefined) {
      blob = this.#blob(image);
      blob.catch(() => this.#pictures.delete(image.image_id));
      this.#pictures.set(image.image_id, blob);
      const [oldest] = this.#pictures.keys();
      if (this.#pictures.size > PICTURES_KEPT && oldest !== undefined) this.#pictures.delete(oldest);
    }
    return createImageBitmap(await blob, { premultiplyAlpha: "none", colorSpaceConversion: "none" });
  }

  /** The upright source; where it does not open, once more under a new session. */
  async #blob(image: ImageView): Promise<Blob> {
    const address = mediaUrl(image.source_url ?? "");
    const first = await fetch(address);
    if (first.ok) return first.blob();
    await app.renewMedia();
    const second = await fetch(address);
    if (!second.ok) throw new Error(`${image.name}: ${second.status}`);
    return second.blob();
  }
}

/** One sample as the service draws it; of separate layers, the one that is looked at. */
async function wishOf({ recipe, image, templates, layer }: Look, sample: number): Promise<Wish> {
  const drawn = await draw(recipe, image.normal?.pixels_sha256 ?? "", sample);
  const layers = recipe.composition === "stacked" ? drawn : drawn.slice(layer, layer + 1);
  return { image, templates, layers, composition: recipe.composition, seed: BigInt(sample) };
}
