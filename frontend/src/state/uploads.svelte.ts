/** Uploads that go on while the reader walks through the page: one queue for each dataset, one look at all of them. */
import { SvelteMap } from "svelte/reactivity";
import { pause } from "../api/http.ts";
import type { ImageView } from "../api/types.ts";
import type { Found, LeftOut } from "../upload/files.ts";
import { type Summary, summaryOf, type UploadFile } from "../upload/file.ts";
import { sha256 } from "../upload/hash.ts";
import { Held } from "../upload/held.ts";
import { postFile } from "../upload/post.ts";
import { UploadQueue } from "../upload/queue.ts";
import { Rate } from "../upload/rate.ts";
import { follow } from "../upload/settling.ts";
import { app } from "./app.svelte.ts";
import { visible } from "./visible.ts";

const SHOW_EVERY_MS = 200;
const BYTES_MAX = 60 * 1024 * 1024; // where the service did not say its own limit
const PER_CALL_MAX = 100;

export class DatasetUploads {
  readonly dataset: string;
  files = $state.raw<readonly UploadFile[]>([]);
  leftOut = $state.raw<readonly LeftOut[]>([]);
  summary = $state.raw<Summary>(summaryOf([]));
  bytesPerSecond = $state(0);
  secondsLeft = $state<number | null>(null);
  readonly #held: Held;
  readonly #queue: UploadQueue;
  readonly #rate = new Rate();
  #heldRead: Promise<void> = Promise.resolve();
  #shown = 0;
  #isSoon = false;
  #isFollowing = false;

  constructor(dataset: string) {
    this.dataset = dataset;
    const api = app.api;
    this.#held = new Held((cursor) => api.images(dataset, { cursor }));
    const limits = {
      bytesMax: app.limits?.upload_bytes_max ?? BYTES_MAX,
      perCallMax: app.limits?.uploads_per_call_max ?? PER_CALL_MAX,
    };
    const ports = {
      hash: async (file: Blob): Promise<string> => (await Promise.all([sha256(file), this.#heldRead]))[0],
      announce: async (files: Parameters<typeof api.announce>[1], key: string) =>
        (await api.announce(dataset, files, key)).items,
      post: postFile,
      remove: async (image: string): Promise<void> => void (await api.removeImage(dataset, image)),
      pause,
      online,
      now: Date.now,
      newKey: () => crypto.randomUUID(),
    };
    this.#queue = new UploadQueue(ports, limits, this.#held, () => this.#soon());
    addEventListener("online", () => this.#queue.retry("network"));
  }

  get isActive(): boolean {
    return this.summary.open > 0 || this.summary.counts.ingesting > 0;
  }

  add(found: Found): void {
    this.leftOut = [...this.leftOut, ...found.leftOut];
    this.#readHeld();
    this.#queue.add(found.files);
  }

  cancel(ids: Iterable<number> = this.#queue.files.map((file) => file.id)): void {
    this.#queue.cancel(ids);
  }

  retry(): void {
    this.#readHeld();
    this.#queue.retry();
  }

  /** Files wait for it; where it fails they say so. */
  #readHeld(): void {
    this.#heldRead = this.#held.refresh();
    this.#heldRead.catch(() => undefined);
  }

  /** Change what is shown now and then, however often something moves. */
  #soon(): void {
    if (this.#isSoon) return;
    this.#isSoon = true;
    setTimeout(() => this.#show(), Math.max(0, this.#shown + SHOW_EVERY_MS - Date.now()));
  }

  #show(): void {
    this.#isSoon = false;
    this.#shown = Date.now();
    this.files = this.#queue.files;
    this.summary = summaryOf(this.files);
    this.#rate.note(this.summary.sentBytes, this.#shown);
    this.bytesPerSecond = this.summary.open > 0 ? this.#rate.perSecond : 0;
    this.secondsLeft = this.#rate.secondsFor(this.summary.totalBytes - this.summary.sentBytes);
    if (this.summary.open > 0) this.#soon();
    if (this.summary.counts.ingesting > 0 && !this.#isFollowing) void this.#follow();
  }

  async #follow(): Promise<void> {
    this.#isFollowing = true;
    const ports = {
      read: (cursor: string | null, signal: AbortSignal) => app.api.images(this.dataset, { cursor }, signal),
      pause,
      visible,
    };
    const settle = (images: ImageView[]): void => {
      this.#queue.settle(images);
      this.#soon();
    };
    const waiting = (): number => summaryOf(this.#queue.files).counts.ingesting;
    await follow(ports, this.#held.tail, waiting, settle, new AbortController().signal);
    this.#isFollowing = false;
  }
}

class Uploads {
  readonly #byDataset = new SvelteMap<string, DatasetUploads>();

  of(dataset: string): DatasetUploads | null {
    return this.#byDataset.get(dataset) ?? null;
  }

  get all(): DatasetUploads[] {
    return [...this.#byDataset.values()];
  }

  /** Whether closing the page would stop something. */
  get isSending(): boolean {
    return this.all.some((uploads) => uploads.summary.open > 0);
  }

  add(dataset: string, found: Found): void {
    let uploads = this.#byDataset.get(dataset);
    if (!uploads) {
      uploads = new DatasetUploads(dataset);
      this.#byDataset.set(dataset, uploads);
    }
    uploads.add(found);
  }

  /** Put away the list of what has ended. */
  forget(dataset: string): void {
    this.#byDataset.delete(dataset);
  }
}

function online(): Promise<void> {
  return new Promise((resolve) => {
    if (navigator.onLine) resolve();
    else addEventListener("online", () => resolve(), { once: true });
  });
}

export const uploads = new Uploads();
