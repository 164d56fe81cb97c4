/** The images of a dataset as far as they were read: page by page, read again while ingest works on them. */
import type { ImageView, ImageViewPage } from "../api/types.ts";

const PAGES_AHEAD_ITEMS = 150;
const PAGES_PER_ROUND = 4;

interface PageRead {
  readonly cursor: string | null;
  readonly ids: readonly string[];
}

export type ReadPage = (cursor: string | null, signal: AbortSignal) => Promise<ImageViewPage>;

export class ImageList {
  items = $state.raw<readonly ImageView[]>([]);
  isComplete = $state(false);
  isLoading = $state(false);
  error = $state.raw<unknown>(null);
  readonly #read: ReadPage;
  readonly #stopped = new AbortController();
  readonly #known = new Map<string, ImageView>();
  #pages: PageRead[] = [];
  #next: string | null = null;
  #wanted = 0;

  constructor(read: ReadPage) {
    this.#read = read;
  }

  get waiting(): number {
    return this.items.filter((image) => image.status === "expected").length;
  }

  /** Images up to this one are looked at: read on to a little beyond. */
  async show(to: number): Promise<void> {
    this.#wanted = Math.max(this.#wanted, to + PAGES_AHEAD_ITEMS);
    await this.#readOn();
  }

  /** Read to the end. */
  async all(): Promise<void> {
    this.#wanted = Number.POSITIVE_INFINITY;
    await this.#readOn();
  }

  /** Go on after a failure. */
  async again(): Promise<void> {
    this.error = null;
    await this.#readOn();
  }

  /** Read those pages again on which ingest still works, and what was added at the end; a few in each round. */
  async refresh(): Promise<void> {
    const open = this.#pages.filter((page) => page.ids.some((id) => this.#known.get(id)?.status === "expected"));
    const last = this.#pages.at(-1);
    if (this.isComplete && last && !open.includes(last)) open.push(last);
    for (const page of open.slice(0, PAGES_PER_ROUND)) await this.#readAgain(page);
    if (this.#next !== null) this.isComplete = false;
    await this.#readOn();
  }

  /** Take images as the service has just answered them. */
  take(images: readonly ImageView[]): void {
    for (const image of images) if (this.#known.has(image.image_id)) this.#keep(image);
    this.#show();
  }

  drop(id: string): void {
    this.#known.delete(id);
    this.#show();
  }

  stop(): void {
    this.#stopped.abort();
  }

  async #readOn(): Promise<void> {
    const needs = (): boolean => !this.isComplete && this.items.length < this.#wanted;
    if (this.isLoading || this.error !== null || !needs()) return;
    this.isLoading = true;
    try {
      while (needs()) {
        const cursor = this.#next;
        const page = await this.#read(cursor, this.#stopped.signal);
        this.#pages.push({ cursor, ids: page.items.map((image) => image.image_id) });
        for (const image of page.items) this.#keep(image);
        this.#next = page.next_cursor ?? null;
        this.isComplete = this.#next === null;
        this.#show();
      }
    } catch (error) {
      if (!this.#stopped.signal.aborted) this.error = error;
    } finally {
      this.isLoading = false;
    }
  }

  async #readAgain(page: PageRead): Promise<void> {
    let fresh: ImageViewPage;
    try {
      fresh = await this.#read(page.cursor, this.#stopped.signal);
    } catch {
      return; // what is shown stays; the next round tries again
    }
    const ids = fresh.items.map((image) => image.image_id);
    const isLast = page === this.#pages.at(-1);
    const end = ids.at(-1);
    for (const id of page.ids) {
      // Beyond the end of this answer an image may stand on the next page now.
      if (!ids.includes(id) && (isLast || (end !== undefined && id <= end))) this.#known.delete(id);
    }
    for (const image of fresh.items) this.#keep(image);
    this.#pages = this.#pages.map((other) => (other.cursor === page.cursor ? { cursor: page.cursor, ids } : other));
    if (isLast) this.#next = fresh.next_cursor ?? null;
    this.#show();
  }

  #keep(image: ImageView): void {
    this.#known.set(image.image_id, image);
  }

  /** Ids grow with time, and the service lists by them. */
  #show(): void {
    this.items = [...this.#known.values()].sort((one, other) => (one.image_id < other.image_id ? -1 : 1));
  }
}
