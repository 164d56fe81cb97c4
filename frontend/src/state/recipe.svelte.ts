/** The recipe of a dataset as it is set up: kept as a draft, checked, estimated, run. */
import type { Estimate, ImageView, JobView, TemplateView } from "../api/types.ts";
import { faultsOf } from "../edits/faults.ts";
import { toSent, variantsPerImage, type Recipe } from "../edits/recipe.ts";
import { app } from "./app.svelte.ts";
import { fitted, forgetKey, keepDraft, keyFor, readDraft, type Draft } from "./recipe-draft.ts";
import { firstRecipe } from "./recipe-edit.ts";

const ESTIMATE_AFTER_MS = 500;

export class RecipeState {
  readonly dataset: string;
  recipe = $state.raw<Recipe>(firstRecipe([]));
  images = $state.raw<string[] | null>(null);
  templates = $state.raw<readonly TemplateView[]>([]);
  /** Images that are ready, as far as they were read: to preview on and to put behind cut-outs. */
  pictures = $state.raw<readonly ImageView[]>([]);
  isLoaded = $state(false);
  error = $state.raw<unknown>(null);
  estimate = $state.raw<Estimate | null>(null);
  estimateError = $state.raw<unknown>(null);
  isEstimating = $state(false);
  isRunning = $state(false);
  readonly faults = $derived(faultsOf(this.recipe));
  readonly variantsEach = $derived(variantsPerImage(this.recipe));
  #asking: AbortController | null = null;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(dataset: string) {
    this.dataset = dataset;
  }

  async load(): Promise<void> {
    this.error = null;
    try {
      const [templates, images] = await Promise.all([
        app.api.templates(this.dataset),
        app.api.images(this.dataset, { status: "ready", limit: 100 }),
      ]);
      this.templates = templates.items;
      this.pictures = images.items;
      const ids = templates.items.map(({ template_id }) => template_id);
      const draft = readDraft(this.dataset);
      this.recipe = draft && draft.recipe.templates.length > 0 ? fitted(draft.recipe, ids) : firstRecipe(ids);
      this.images = draft?.images ?? null;
      this.isLoaded = true;
      this.#estimateSoon(0);
    } catch (error) {
      this.error = error;
    }
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#asking?.abort();
  }

  /** Take the next recipe: it is kept, and estimated when the reader pauses. */
  set(recipe: Recipe, images: string[] | null = this.images): void {
    this.recipe = recipe;
    this.images = images;
    keepDraft(this.dataset, this.#draft);
    this.#estimateSoon(ESTIMATE_AFTER_MS);
  }

  startOver(): void {
    this.set(firstRecipe(this.templates.map(({ template_id }) => template_id)), null);
  }

  nameOf(template: string): string {
    return this.templates.find(({ template_id }) => template_id === template)?.name ?? template;
  }

  /** Submit; the key is kept with the draft, so that a second click or a reload means the same job. */
  async run(): Promise<JobView> {
    this.isRunning = true;
    try {
      const key = keyFor(this.dataset, this.#draft);
      const job = await app.api.submit(this.dataset, toSent(this.recipe), key, this.images);
      forgetKey(this.dataset);
      return job;
    } finally {
      this.isRunning = false;
    }
  }

  get #draft(): Draft {
    return { recipe: this.recipe, images: this.images };
  }

  #estimateSoon(ms: number): void {
    clearTimeout(this.#timer);
    this.#asking?.abort();
    this.isEstimating = this.faults.length === 0;
    if (this.isEstimating) this.#timer = setTimeout(() => void this.#estimateNow(), ms);
  }

  /** An answer counts only while nothing newer was asked. */
  async #estimateNow(): Promise<void> {
    const asking = new AbortController();
    this.#asking = asking;
    try {
      const answer = await app.api.estimate(this.dataset, toSent(this.recipe), this.images, asking.signal);
      if (asking.signal.aborted) return;
      this.estimate = answer;
      this.estimateError = null;
    } catch (error) {
      if (asking.signal.aborted) return;
      this.estimate = null;
      this.estimateError = error;
    }
    this.isEstimating = false;
  }
}
