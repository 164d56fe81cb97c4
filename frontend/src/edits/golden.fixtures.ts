/** The golden vectors' small pictures and masks, as the page has them; tests alone read it. */
import type { Size } from "../geometry/spaces.ts";
import type { Parts } from "../masks/regions.ts";
import type { Bitmap } from "../masks/rle.ts";
import type { Edits } from "../api/types.ts";
import type { Picture } from "./picture.ts";
import { NEUTRAL } from "./ranges.ts";
import { fromSent } from "./recipe.ts";

export const SIZE: Size = { height_px: 16, width_px: 24 };

export function bytesOf(base64: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
}

export function floatsOf(base64: string): Float32Array<ArrayBuffer> {
  return new Float32Array(bytesOf(base64).buffer);
}

/** A mask of rows of text. */
export function maskOf(rows: readonly string[]): Bitmap {
  return Uint8Array.from(rows.join(""), (character) => (character === "#" ? 1 : 0));
}

export function partsOf(parts: Record<string, { mask: string[]; feather_px: number }>): Parts {
  return new Map(
    Object.entries(parts).map(([name, part]) => [name, { mask: maskOf(part.mask), featherPx: part.feather_px }]),
  );
}

/** A picture of bytes of red, green and blue, and of opacity where it has one. */
export function pictureOf(rgb: string, { isGrey = false, opacity = "", size = SIZE } = {}): Picture {
  const bytes = bytesOf(rgb);
  const rgba = new Uint8ClampedArray((bytes.length / 3) * 4).fill(255);
  for (const [at, byte] of bytes.entries()) rgba[Math.floor(at / 3) * 4 + (at % 3)] = byte;
  for (const [at, byte] of bytesOf(opacity).entries()) rgba[4 * at + 3] = byte;
  return { rgba, size, isGrey };
}

/** Edits of which a vector names those that are not the default. */
export function editsOf(named: unknown): Edits {
  const [layer] = fromSent({ templates: ["t"], layers: [{ region: "t", edits: named as Partial<Edits> }] }).layers;
  return layer?.edits ?? { ...NEUTRAL };
}

/** The largest difference of two pictures, in 8-bit levels. */
export function levelsApart(one: Picture, other: Picture): number {
  let most = one.rgba.length === other.rgba.length ? 0 : 256;
  for (const [at, byte] of one.rgba.entries()) most = Math.max(most, Math.abs(byte - (other.rgba[at] ?? 0)));
  return most;
}
