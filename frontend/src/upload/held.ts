/** What a dataset holds by content, so that nothing is sent twice; it reads lists and sends nothing. */
import type { ImageView, ImageViewPage } from "../api/types.ts";

/** The same bytes would be refused again for these. */
const FINAL = new Set(
  "empty_file file_too_large unsupported_format corrupt_image too_small too_many_pixels too_complex animated_not_supported".split(
    " ",
  ),
);

export type ReadImages = (cursor: string | null) => Promise<ImageViewPage>;

export class Held {
  readonly #read: ReadImages;
  readonly #byContent = new Map<string, ImageView[]>();
  #tail: string | null = null;

  constructor(read: ReadImages) {
    this.#read = read;
  }

  /** Where the last page begins: what is added later stands on it or behind it. */
  get tail(): string | null {
    return this.#tail;
  }

  /** Read the dataset, or what was added to it since. */
  async refresh(): Promise<void> {
    let cursor = this.#tail;
    for (;;) {
      const page = await this.#read(cursor);
      for (const image of page.items) this.take(image);
      if (!page.next_cursor) return;
      cursor = page.next_cursor;
      this.#tail = cursor;
    }
  }

  take(image: ImageView): void {
    const others = (this.#byContent.get(image.sha256) ?? []).filter((one) => one.image_id !== image.image_id);
    this.#byContent.set(image.sha256, [...others, image]);
  }

  forget(image: string): void {
    for (const [content, images] of this.#byContent) {
      const left = images.filter((one) => one.image_id !== image);
      if (left.length < images.length) this.#byContent.set(content, left);
    }
  }

  /** The image that this content is already: ready, or refused for what it is. */
  find(content: string): ImageView | null {
    const images = this.#byContent.get(content) ?? [];
    const refused = images.find((image) => image.refusal && FINAL.has(image.refusal.code));
    return images.find((image) => image.status === "ready") ?? refused ?? null;
  }

  /** Images that were announced with this content and never came: sending it again replaces them. */
  neverCame(content: string): string[] {
    const images = this.#byContent.get(content) ?? [];
    return images
      .filter((image) => image.status === "expected" || image.refusal?.code === "upload_missing")
      .map((image) => image.image_id);
  }
}
