/** The masks of a dataset's other templates on one picture, found one after the other while they are wanted. */
import type { ImageView, TemplateView } from "../../api/types.ts";
import type { Rle } from "../../masks/rle.ts";
import type { Editing } from "./editing.svelte.ts";
import { givenMask, placedPrompt } from "./placed.ts";
import { finder } from "./finder.ts";
import { shownMask, type ShownMask } from "./shown.ts";

interface OtherMask {
  readonly id: string;
  readonly colour: string;
  readonly mask: ShownMask;
}

export class OtherMasks {
  masks = $state.raw<readonly OtherMask[]>([]);
  readonly #editing: Editing;
  #image: string | null = null;
  #running = new AbortController();

  constructor(editing: Editing) {
    this.#editing = editing;
  }

  show(image: ImageView | null): void {
    if (image === null || image.image_id === this.#image) return;
    this.stop();
    this.#image = image.image_id;
    this.masks = [];
    this.#running = new AbortController();
    const others = this.#editing.all.filter((one) => one.template_id !== this.#editing.id);
    void this.#find(others, image, this.#running.signal);
  }

  stop(): void {
    this.#running.abort();
    this.#image = null;
  }

  async #find(templates: readonly TemplateView[], image: ImageView, signal: AbortSignal): Promise<void> {
    for (const template of templates) {
      try {
        const rle = await maskOf(template, image, signal);
        if (signal.aborted) return;
        if (!rle) continue;
        const { template_id: id, colour, refinement } = template;
        this.masks = [...this.masks, { id, colour, mask: shownMask(rle, refinement) }];
      } catch {
        if (signal.aborted) return; // one that cannot be found is not shown
      }
    }
  }
}

/** The raw mask of a template on an image; null where it has none there. */
export async function maskOf(template: TemplateView, image: ImageView, signal: AbortSignal): Promise<Rle | null> {
  const found = await foundOn(template, image, signal);
  return found?.rle ?? null;
}

export async function foundOn(
  template: TemplateView,
  image: ImageView,
  signal: AbortSignal,
  onWait?: (code: string) => void,
): Promise<{ readonly rle: Rle; readonly score: number } | null> {
  const size = image.normal?.size;
  const given = size ? givenMask(template, image.image_id, size) : null;
  if (given) return { rle: given, score: 1 };
  const prompt = placedPrompt(template, image.image_id);
  if (!prompt) return null;
  const { choice } = template;
  const question = { dataset: image.dataset_id, image: image.image_id, prompt, choice, most: 1 };
  const masks = await finder.find(question, signal, onWait);
  return masks.find((mask) => mask.choices.includes(choice)) ?? null;
}
