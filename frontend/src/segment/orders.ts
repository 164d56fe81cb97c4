/** What the page and its decoder's worker say to each other, and how both fetch their files. */
import type { MaskChoice } from "../api/types.ts";
import type { Size } from "../geometry/spaces.ts";
import type { Rle } from "../masks/rle.ts";
import type { Asked, Frame } from "./framing.ts";

export interface Orders {
  /** Fetch a decoder and start it. */
  load: {
    readonly asked: { readonly decoderUrl: string; readonly threads: number };
    readonly answer: { readonly answerMs: number };
  };
  /** Answer from now on about this image. */
  use: {
    readonly asked: {
      readonly bytes: ArrayBuffer;
      readonly segmenter: string;
      readonly size: Size;
      readonly sidePx: number;
    };
    readonly answer: null;
  };
  decode: {
    readonly asked: { readonly prompt: Asked; readonly choice: MaskChoice; readonly topK: number };
    readonly answer: Decoded;
  };
  /** A mask at the image's full size. */
  draw: {
    readonly asked: { readonly logits: Logits; readonly frame: Frame; readonly size: Size };
    readonly answer: Rle;
  };
}

export type Logits = Float32Array<ArrayBuffer>;

export interface Decoded {
  readonly frame: Frame;
  readonly candidates: readonly { readonly score: number; readonly choice: MaskChoice; readonly logits: Logits }[];
}

export type Name = keyof Orders;

export type Order = {
  [N in Name]: { readonly id: number; readonly name: N; readonly asked: Orders[N]["asked"] };
}[Name];

/** Why the page cannot answer by itself. */
export type Trouble = "no_embeddings" | "no_decoder" | "no_wasm" | "unusable_embedding" | "unreachable" | "crashed";

export class LocalFailure extends Error {
  override readonly name = "LocalFailure";
  readonly trouble: Trouble;

  constructor(trouble: Trouble, detail: string) {
    super(detail);
    this.trouble = trouble;
  }
}

/** A file of the page's own origin; `trouble` is what it means when it is not there. */
export async function fileAt(
  url: string,
  trouble: Trouble,
  fetcher: typeof fetch = fetch,
  signal?: AbortSignal,
): Promise<ArrayBuffer> {
  const response = await fetcher(url, signal ? { signal } : {}).catch((error: unknown) => {
    if (signal?.aborted) throw error;
    throw new LocalFailure("unreachable", `${url} could not be fetched.`);
  });
  if (response.ok) return response.arrayBuffer();
  throw new LocalFailure(
    response.status < 500 ? trouble : "unreachable",
    `${url} is answered with ${response.status}.`,
  );
}

export type Report =
  | { readonly id: number; readonly answer: Orders[Name]["answer"] }
  | { readonly id: number; readonly trouble: Trouble; readonly detail: string };
