/**
 * What the service keeps of an image for its decoder, from bytes to numbers; it knows no decoder and no network.
 *
 * A line of text padded to 128 bytes says whose it is and of how large an image; then come the features in half
 * precision, little-endian, channels before rows before columns.
 */
import type { Size } from "../geometry/spaces.ts";

export interface Features {
  readonly values: Float32Array<ArrayBuffer>;
  /** Channels, rows, columns. */
  readonly shape: readonly [number, number, number];
}

export type Unusable = "not_an_embedding" | "other_segmenter" | "other_image" | "cut_off" | "not_finite";

/** An embedding that must not be answered from, with the reason. */
export class UnusableEmbedding extends Error {
  override readonly name = "UnusableEmbedding";
  readonly reason: Unusable;

  constructor(reason: Unusable, detail: string) {
    super(detail);
    this.reason = reason;
  }
}

const HEADER_BYTES = 128;
const HEADER = /^maskmill embedding (\S+) float16 (\d+)x(\d+)x(\d+) of (\d+)x(\d+) *\n$/;
const EXPONENT = 0x7c00; // all of it set: infinite, or no number

/** The features of an image of `size` by a segmenter of this version; throws UnusableEmbedding for anything else. */
export function unpacked(bytes: ArrayBuffer, segmenter: string, size: Size): Features {
  const text = new TextDecoder("latin1").decode(bytes.slice(0, HEADER_BYTES));
  const found = HEADER.exec(text);
  if (found === null) throw new UnusableEmbedding("not_an_embedding", "These bytes are no embedding.");
  const version = found[1] ?? "";
  if (version !== segmenter) {
    throw new UnusableEmbedding("other_segmenter", `The embedding is of ${version}, the decoder of ${segmenter}.`);
  }
  const [channels = 0, rows = 0, columns = 0, height = 0, width = 0] = found.slice(2).map(Number);
  if (height !== size.height_px || width !== size.width_px) {
    const [is, should] = [`${height} × ${width}`, `${size.height_px} × ${size.width_px}`];
    throw new UnusableEmbedding("other_image", `The embedding is of an image of ${is} pixels, not of ${should}.`);
  }
  const count = channels * rows * columns;
  if (bytes.byteLength !== HEADER_BYTES + 2 * count) {
    throw new UnusableEmbedding("cut_off", `The embedding has ${bytes.byteLength} bytes.`);
  }
  return { values: widened(new Uint16Array(bytes, HEADER_BYTES, count)), shape: [channels, rows, columns] };
}

function widened(halves: Uint16Array): Float32Array<ArrayBuffer> {
  table ??= everyHalf();
  const values = new Float32Array(halves.length);
  for (let at = 0; at < halves.length; at++) {
    const half = halves[at] ?? 0;
    if ((half & EXPONENT) === EXPONENT) {
      throw new UnusableEmbedding("not_finite", "The embedding holds something that is no number.");
    }
    values[at] = table[half] ?? 0;
  }
  return values;
}

let table: Float32Array | null = null;

/** The value of each half-precision number, by its bits. */
function everyHalf(): Float32Array {
  return Float32Array.from({ length: 0x10000 }, (_, bits) => {
    const exponent = (bits & EXPONENT) >> 10;
    const fraction = bits & 0x3ff;
    const size = exponent === 0 ? fraction * 2 ** -24 : (1 + fraction / 1024) * 2 ** (exponent - 15);
    return bits & 0x8000 ? -size : size;
  });
}
