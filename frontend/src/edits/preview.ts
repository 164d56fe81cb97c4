/**
 * The live preview of edits, made in a worker by the service's own formulas.
 *
 * A preview is at most `sideMaxPx` on its longer side. Blur, sharpen, feather and grow are in pixels of the full picture
 * and shrink with it, so that the small picture looks as the full one does from afar; the finest detail (sharpen, small
 * blurs) can only be seen in the result. Noise is drawn anew in the result: it looks alike and lies elsewhere.
 */
import type { Composition } from "../api/types.ts";
import type { PixelBox } from "../geometry/pixels.ts";
import type { Size } from "../geometry/spaces.ts";
import type { ConcreteLayer } from "./sampling.ts";
import type { NamedMask } from "./studio.ts";

export type { NamedMask };

export const PREVIEW_SIDE_PX = 1024;

/** What is asked of a preview. */
export interface Ask {
  readonly layers: readonly ConcreteLayer[];
  readonly composition: Composition;
  readonly seed: bigint;
}

/** One variant as the page shows it: `new ImageData(shown.rgba, shown.size.width_px)`. */
export interface Shown {
  readonly rgba: Uint8ClampedArray<ArrayBuffer>;
  readonly size: Size;
  /** The part of the preview that is left of it, where a cut-out crops. */
  readonly crop: PixelBox;
}

/** The variants in the recipe's order; null where a region is empty, of which the service makes no variant. */
export type Variants = (Shown | null)[];

export type FailureCode = "no_source" | "missing_mask" | "missing_background" | "invalid_mask" | "broken";

export class PreviewFailed extends Error {
  override readonly name = "PreviewFailed";
  readonly code: FailureCode;

  constructor(code: FailureCode, detail: string) {
    super(detail);
    this.code = code;
  }
}

export type ToWorker =
  | { kind: "start"; sideMaxPx: number }
  | { kind: "source"; image: ImageBitmap; isGrey: boolean }
  | { kind: "background"; id: string; image: ImageBitmap; isGrey: boolean }
  | { kind: "masks"; masks: readonly NamedMask[] }
  | ({ kind: "render"; id: number } & Ask);

export type FromWorker = { id: number; variants: Variants } | { id: number; code: FailureCode; detail: string };

/** What a preview needs of a worker. */
export interface Port extends EventTarget {
  postMessage(message: ToWorker, transfer: Transferable[]): void;
  terminate(): void;
}

interface Waiting {
  readonly ask: Ask;
  readonly resolve: (variants: Variants | null) => void;
  readonly reject: (reason: PreviewFailed) => void;
}

/** One picture's preview. At most one request is with the worker and one waits, which the next one replaces. */
export class Preview {
  readonly #port: Port;
  #id = 0;
  #busy: Waiting | null = null;
  #next: Waiting | null = null;

  constructor(port: Port, sideMaxPx = PREVIEW_SIDE_PX) {
    this.#port = port;
    port.addEventListener("message", (event) => this.#hear((event as MessageEvent<FromWorker>).data));
    port.addEventListener("error", (event) => this.#break((event as ErrorEvent).message));
    this.#post({ kind: "start", sideMaxPx });
  }

  /** The full picture, which is handed over; requests on the one before are answered with null, and its masks go. */
  setSource(image: ImageBitmap, { isGrey }: { isGrey: boolean }): void {
    this.#drop();
    this.#post({ kind: "source", image, isGrey }, [image]);
  }

  /** The templates' masks on the source, in place of those before. */
  setMasks(masks: readonly NamedMask[]): void {
    this.#post({ kind: "masks", masks });
  }

  /** A picture behind cut-outs, by its image's id, which is handed over. */
  setBackground(id: string, image: ImageBitmap, { isGrey }: { isGrey: boolean }): void {
    this.#post({ kind: "background", id, image, isGrey }, [image]);
  }

  /** The variants, or null when a newer request or another source has made them needless; throws PreviewFailed. */
  render(ask: Ask): Promise<Variants | null> {
    return new Promise((resolve, reject) => {
      this.#next?.resolve(null);
      this.#next = { ask, resolve, reject };
      this.#go();
    });
  }

  close(): void {
    this.#drop();
    this.#port.terminate();
  }

  #go(): void {
    if (this.#busy || !this.#next) return;
    this.#busy = this.#next;
    this.#next = null;
    this.#post({ kind: "render", id: ++this.#id, ...this.#busy.ask });
  }

  #hear(answer: FromWorker): void {
    const asked = this.#busy;
    if (!asked || answer.id !== this.#id) return;
    this.#busy = null;
    if ("variants" in answer) asked.resolve(answer.variants);
    else asked.reject(new PreviewFailed(answer.code, answer.detail));
    this.#go();
  }

  #drop(): void {
    for (const waiting of [this.#busy, this.#next]) waiting?.resolve(null);
    this.#busy = this.#next = null;
  }

  #break(detail: string): void {
    for (const waiting of [this.#busy, this.#next]) waiting?.reject(new PreviewFailed("broken", detail));
    this.#busy = this.#next = null;
  }

  #post(message: ToWorker, transfer: Transferable[] = []): void {
    this.#port.postMessage(message, transfer);
  }
}

/** A preview with a worker of its own. */
export function openPreview(sideMaxPx = PREVIEW_SIDE_PX): Preview {
  const worker = new Worker(new URL("./preview.worker.ts", import.meta.url), { type: "module" });
  return new Preview(worker, sideMaxPx);
}
