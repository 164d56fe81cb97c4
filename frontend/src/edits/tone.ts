/** Brightness, contrast and gamma as one table; it knows no picture. */
import type { Edits } from "../api/types.ts";
import type { Plane } from "./picture.ts";

type Tone = Pick<Edits, "brightness" | "contrast" | "gamma">;

/**
 * The sRGB value in [0, 1] that each byte becomes, rounded to 32 bits once.
 *
 * x + brightness, then (x − 0.5)(1 + contrast) + 0.5, clipped to [0, 1], then x^(1 / (1 + gamma)).
 */
export function toneTable(tone: Tone): Plane {
  return Float32Array.from({ length: 256 }, (_, byte) => toned(byte / 255, tone));
}

function toned(value: number, { brightness, contrast, gamma }: Tone): number {
  value += brightness;
  if (contrast !== 0) value = (value - 0.5) * (1 + contrast) + 0.5;
  value = Math.min(Math.max(value, 0), 1);
  return gamma === 0 ? value : value ** (1 / (1 + gamma));
}
