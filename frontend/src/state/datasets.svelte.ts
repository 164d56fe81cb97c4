/** The reader's datasets, page by page, and a few pictures of each as they come into sight. */
import type { DatasetView, ImageView } from "../api/types.ts";
import { app } from "./app.svelte.ts";

const PICTURES = 4;

class Datasets {
  items = $state.raw<readonly DatasetView[] | null>(null);
  isLoading = $state(false);
  error = $state.raw<unknown>(null);
  hasMore = $state(false);
  #next: string | null = null;
  readonly #pictures = new Map<string, Promise<ImageView[]>>();

  /** Read the first page again; what was there stays until it comes. */
  async load(): Promise<void> {
    this.#next = null;
    await this.#read([]);
  }

  async more(): Promise<void> {
    await this.#read(this.items ?? []);
  }

  take(view: DatasetView): void {
    const others = this.items ?? [];
    const isKnown = others.some((one) => one.dataset_id === view.dataset_id);
    this.items = isKnown ? others.map((one) => (one.dataset_id === view.dataset_id ? view : one)) : [...others, view];
  }

  drop(id: string): void {
    this.items = (this.items ?? []).filter((one) => one.dataset_id !== id);
    this.#pictures.delete(id);
  }

  /** The first pictures of a dataset; asked for once. */
  async pictures(dataset: DatasetView): Promise<ImageView[]> {
    const key = `${dataset.dataset_id} ${dataset.images_total}`;
    const kept = await this.#pictures.get(key)?.catch(() => null);
    if (kept) return kept;
    const asked = app.api
      .images(dataset.dataset_id, { status: "ready", limit: PICTURES })
      .then((page) => [...page.items]);
    this.#pictures.set(key, asked);
    return asked;
  }

  async #read(before: readonly DatasetView[]): Promise<void> {
    if (this.isLoading) return;
    this.isLoading = true;
    this.error = null;
    try {
      const page = await app.api.datasets(this.#next);
      const ids = new Set(before.map((one) => one.dataset_id));
      this.items = [...before, ...page.items.filter((one) => !ids.has(one.dataset_id))];
      this.#next = page.next_cursor ?? null;
      this.hasMore = this.#next !== null;
    } catch (error) {
      this.error = error;
    } finally {
      this.isLoading = false;
    }
  }
}

export const datasets = new Datasets();
