/** The values that a sample draws: the very numbers that the service draws, for any source and sample. */
import type { Edits } from "../api/types.ts";
import { RANGES, VARIED, type VariedEdit } from "./ranges.ts";
import type { Draw, Recipe, Region } from "./recipe.ts";
import { sixDigits } from "./rounding.ts";

const MIDDLE = {
  over: [
    2509.0809287301227, 33430.57558358813, 67265.7709270087, 45921.95393154987, 13731.69376550946, 1971.5909503065513,
    133.14166789178438, 3.3871328727963665,
  ],
  under: [
    5226.495278852854, 28729.085735721943, 39307.89580009271, 21213.794301586597, 5394.196021424751, 687.1870074920579,
    42.31333070160091, 1,
  ],
};
const TAIL = {
  start: 1.6,
  over: [
    0.0007745450142783414, 0.022723844989269184, 0.2417807251774506, 1.2704582524523684, 3.6478483247632045,
    5.769497221460691, 4.630337846156546, 1.4234371107496835,
  ],
  under: [
    1.0507500716444169e-9, 0.0005475938084995345, 0.015198666563616457, 0.14810397642748008, 0.6897673349851,
    1.6763848301838038, 2.053191626637759, 1,
  ],
};
const FAR_TAIL = {
  start: 5,
  over: [
    2.0103343992922881e-7, 2.7115555687434876e-5, 0.0012426609473880784, 0.026532189526576124, 0.29656057182850487,
    1.7848265399172913, 5.463784911164114, 6.657904643501103,
  ],
  under: [
    2.0442631033899397e-15, 1.421511758316446e-7, 1.8463183175100548e-5, 0.0007868691311456133, 0.014875361290850615,
    0.1369298809227358, 0.599832206555888, 1,
  ],
};

/** A layer of one sample, with a number for each edit. */
export interface ConcreteLayer {
  region: Region;
  edits: Edits;
}

/**
 * The layers of one sample with every varied edit replaced by its drawn number.
 *
 * `source` is `pixels_sha256` of the picture. Each number depends only on (seed, source, sample, layer, edit).
 */
export async function draw(recipe: Recipe, source: string, sample: number): Promise<ConcreteLayer[]> {
  return Promise.all(
    recipe.layers.map(async ({ region, edits, vary }, position) => {
      const drawn = { ...edits };
      for (const name of VARIED) {
        const distribution = vary[name];
        if (!distribution) continue;
        const label = `${recipe.seed}/${source}/${sample}/${position}/${name}`;
        drawn[name] = clamped(name, valueAt(distribution, await fractionOf(label)));
      }
      return { region, edits: drawn };
    }),
  );
}

/** The value of a distribution at a fraction in (0, 1). */
export function valueAt(draw: Draw, fraction: number): number {
  if (draw.kind === "uniform") return draw.low + (draw.high - draw.low) * fraction;
  if (draw.kind === "normal") return draw.mean + draw.deviation * normalQuantile(fraction);
  return draw.values[Math.min(Math.floor(fraction * draw.values.length), draw.values.length - 1)] ?? 0;
}

/** 56 bits of a label's SHA-256 as a fraction in (0, 1). */
async function fractionOf(label: string): Promise<number> {
  const view = new DataView(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(label)));
  const high = view.getUint32(0) * 2 ** 24;
  const low = view.getUint32(4) >>> 8;
  return (high + low + 0.5) / 2 ** 56;
}

function clamped(name: VariedEdit, value: number): number {
  const { low, high } = RANGES[name];
  return Math.min(Math.max(sixDigits(value), low), high);
}

/** The standard normal quantile: AS 241, PPND16 (Wichura, Applied Statistics 37, 1988), good to 16 digits. */
export function normalQuantile(fraction: number): number {
  const q = fraction - 0.5;
  if (Math.abs(q) <= 0.425) {
    const r = 0.180625 - q * q;
    return (polynomial(MIDDLE.over, r) * q) / polynomial(MIDDLE.under, r);
  }
  const r = Math.sqrt(-Math.log(q <= 0 ? fraction : 1 - fraction));
  const { over, under, start } = r <= 5 ? TAIL : FAR_TAIL;
  const x = polynomial(over, r - start) / polynomial(under, r - start);
  return q < 0 ? -x : x;
}

/** Coefficients from the highest power down. */
function polynomial(coefficients: readonly number[], x: number): number {
  return coefficients.reduce((sum, coefficient) => sum * x + coefficient, 0);
}
