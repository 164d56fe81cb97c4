/** What the service computed (tests/contract/mask_vectors.json), read by the tests of masks and prompts. */
import { readFileSync } from "node:fs";
import type { Size } from "../geometry/spaces.ts";
import type { Prompt } from "../api/types.ts";
import type { Rle } from "./rle.ts";

interface Vectors {
  readonly rles: readonly { rle: Rle; rows: string[]; area: number; box: [number, number, number, number] | null }[];
  readonly drawn: readonly {
    size: Size;
    inner: Size;
    side_px: number;
    low_px: number;
    logits: string;
    rle: Rle;
  }[];
  readonly prompts: readonly {
    size: Size;
    side_px: number;
    low_px: number;
    prompt: Prompt;
    pixels: [number, number][];
    centre: [number, number];
    box: [number, number, number, number];
    points: [number, number][];
    labels: number[];
    corners: [number, number, number, number];
    previous: string;
  }[];
  readonly embedding: { version: string; size: Size; shape: number[]; packed: string; features: number[] };
}

const file = new URL("../../../tests/contract/mask_vectors.json", import.meta.url);
export const vectors = JSON.parse(readFileSync(file, "utf8")) as Vectors;

export function bytesOf(text: string): ArrayBuffer {
  return Uint8Array.from(Buffer.from(text, "base64")).buffer;
}

export function numbersOf(text: string): Float32Array {
  return new Float32Array(bytesOf(text));
}
