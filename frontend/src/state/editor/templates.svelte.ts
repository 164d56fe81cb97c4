/** The templates of a dataset, each with its reference picture and the mask on it, found one after the other. */
import type { ImageView, TemplateView } from "../../api/types.ts";
import type { Rle } from "../../masks/rle.ts";
import { app } from "../app.svelte.ts";
import { inTurn } from "../tryoutPick.ts";
import { maskOf } from "./others.svelte.ts";

export interface TemplatePicture {
  readonly image: ImageView;
  readonly rle: Rle | null;
}

export class TemplateList {
  templates = $state.raw<readonly TemplateView[] | null>(null);
  views = $state.raw<ReadonlyMap<string, TemplatePicture>>(new Map());
  error = $state.raw<unknown>(null);
  hasNoImages = $state(false);
  readonly #dataset: string;
  readonly #stopped = new AbortController();

  constructor(dataset: string) {
    this.#dataset = dataset;
  }

  async load(): Promise<void> {
    this.error = null;
    try {
      const [list, images] = await Promise.all([
        app.api.templates(this.#dataset, null, this.#stopped.signal),
        app.api.images(this.#dataset, { status: "ready", limit: 1 }, this.#stopped.signal),
      ]);
      this.templates = list.items;
      this.hasNoImages = images.items.length === 0;
      await this.#look(list.items, images.items[0] ?? null);
    } catch (error) {
      if (!this.#stopped.signal.aborted) this.error = error;
    }
  }

  /** A template as the service has just answered it. */
  put(template: TemplateView): void {
    const all = this.templates ?? [];
    const isNew = !all.some((one) => one.template_id === template.template_id);
    this.templates = isNew
      ? [...all, template]
      : all.map((one) => (one.template_id === template.template_id ? template : one));
    void this.#look([template], null);
  }

  drop(id: string): void {
    this.templates = (this.templates ?? []).filter((one) => one.template_id !== id);
  }

  stop(): void {
    this.#stopped.abort();
  }

  /** Pictures first, since they are there at once; masks after them, two at a time. */
  async #look(templates: readonly TemplateView[], fallback: ImageView | null): Promise<void> {
    const { signal } = this.#stopped;
    await inTurn(templates, (template) => this.#picture(template, fallback), signal, 4);
    await inTurn(templates, (template) => this.#mask(template), signal, 2);
  }

  async #picture(template: TemplateView, fallback: ImageView | null): Promise<void> {
    const id = template.reference_image_id;
    const image = id ? await app.api.image(this.#dataset, id).catch(() => null) : fallback;
    if (image) this.#show(template.template_id, { image, rle: null });
  }

  async #mask(template: TemplateView): Promise<void> {
    const image = this.views.get(template.template_id)?.image;
    if (!image) return;
    const rle = await maskOf(template, image, this.#stopped.signal).catch(() => null);
    if (rle) this.#show(template.template_id, { image, rle });
  }

  #show(id: string, picture: TemplatePicture): void {
    this.views = new Map(this.views).set(id, picture);
  }
}
