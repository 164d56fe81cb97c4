/**
 * Gaussian blur of planes whose values can be asked for anywhere; it knows no colour and no mask.
 *
 * Whoever supplies the planes decides what lies beyond the picture's border. Small deviations are a direct separable
 * convolution; large ones work on planes made coarser by a power of two and come back through B-splines. Each step is
 * rounded to 32 bits in the service's order, so that the same bits come out.
 */
import type { PixelBox } from "../geometry/pixels.ts";
import { around, heightOf, widthOf, type Plane } from "./picture.ts";

const COARSE_SIGMA_PX = 6; // from here on the coarse way
const COARSE_CELLS_PER_SIGMA = 3;

const f = Math.fround;

/** The planes of a box, which may lie outside the picture. */
export type Source = (box: PixelBox) => Plane[];

/** How far the direct kernel reaches: four deviations. */
export function kernelRadius(sigmaPx: number): number {
  return Math.ceil(4 * sigmaPx);
}

/** The planes of a box, blurred. */
export function blurred(source: Source, sigmaPx: number, box: PixelBox): Plane[] {
  if (sigmaPx === 0) return source(box);
  if (sigmaPx >= COARSE_SIGMA_PX) return coarselyBlurred(source, sigmaPx, box);
  const wide = around(box, kernelRadius(sigmaPx));
  return source(wide).map((plane) => convolved(plane, widthOf(wide), sigmaPx));
}

/** The valid part of a separable Gaussian: on every side the plane loses `kernelRadius` pixels. */
export function convolved(plane: Plane, width: number, sigmaPx: number): Plane {
  const weights = weightsOf(sigmaPx);
  return acrossColumns(acrossRows(plane, width, weights), width, weights);
}

function weightsOf(sigmaPx: number): Plane {
  const raw = Array.from({ length: kernelRadius(sigmaPx) + 1 }, (_, step) => Math.exp(-0.5 * (step / sigmaPx) ** 2));
  const total = raw.reduceRight((sum, value, step) => sum + (step === 0 ? value : 2 * value), 0);
  return Float32Array.from(raw, (value) => value / total);
}

/** Convolve down the columns. */
function acrossRows(plane: Plane, width: number, weights: Plane): Plane {
  const reach = (weights.length - 1) * width;
  const result = new Float32Array(Math.max(0, plane.length - 2 * reach));
  convolve(result, 0, result.length, plane, reach, width, weights);
  return result;
}

/** Convolve along the rows. */
function acrossColumns(plane: Plane, width: number, weights: Plane): Plane {
  const radius = weights.length - 1;
  const narrow = width - 2 * radius;
  const rows = plane.length / width;
  const result = new Float32Array(rows * narrow);
  for (let row = 0; row < rows; row++) {
    convolve(result, row * narrow, (row + 1) * narrow, plane, row * width + radius, 1, weights);
  }
  return result;
}

/**
 * Fill [start, end) of `result` with sums around `plane` from `middle` on, over neighbours that lie `step` apart.
 *
 * A sum starts at the centre and goes outwards. Two are made at a time, since each waits for its own last addition.
 */
function convolve(
  result: Plane,
  start: number,
  end: number,
  plane: Plane,
  middle: number,
  step: number,
  weights: Plane,
): void {
  const centre = weights[0] as number;
  const taps = weights.length;
  let at = start;
  for (; at + 2 <= end; at += 2, middle += 2) {
    let one = f((plane[middle] as number) * centre);
    let two = f((plane[middle + 1] as number) * centre);
    for (let tap = 1, far = step; tap < taps; tap++, far += step) {
      const weight = weights[tap] as number;
      const before = middle - far;
      const after = middle + far;
      one = f(one + f(f((plane[before] as number) + (plane[after] as number)) * weight));
      two = f(two + f(f((plane[before + 1] as number) + (plane[after + 1] as number)) * weight));
    }
    result[at] = one;
    result[at + 1] = two;
  }
  if (at === end) return;
  let sum = f((plane[middle] as number) * centre);
  for (let tap = 1, far = step; tap < taps; tap++, far += step) {
    const pair = f((plane[middle - far] as number) + (plane[middle + far] as number));
    sum = f(sum + f(pair * (weights[tap] as number)));
  }
  result[at] = sum;
}

/** Coarse cells lie on multiples of their size from the picture's corner, so that any box gets the same values. */
function coarselyBlurred(source: Source, sigmaPx: number, box: PixelBox): Plane[] {
  const halvings = Math.trunc(Math.log2(sigmaPx / COARSE_CELLS_PER_SIGMA));
  const cell = 1 << halvings;
  const sigma = Math.sqrt(sigmaPx ** 2 - (cell ** 2 - 1) / 4 - cell ** 2 / 3) / cell;
  const radius = kernelRadius(sigma);
  const margin = 2 + radius;
  const cells = {
    top: Math.floor(box.top / cell) - margin,
    left: Math.floor(box.left / cell) - margin,
    bottom: Math.floor((box.bottom - 1) / cell) + margin + 1,
    right: Math.floor((box.right - 1) / cell) + margin + 1,
  };
  const pixels = {
    top: (cells.top - 1) * cell + 1,
    left: (cells.left - 1) * cell + 1,
    bottom: (cells.bottom + 1) * cell - 1,
    right: (cells.right + 1) * cell - 1,
  };
  const inner = around(cells, -radius);
  return source(pixels).map((plane) => {
    const means = averaged(plane, widthOf(pixels), halvings);
    const coarse = convolved(means, widthOf(cells), sigma);
    const across = splinesOf(box.left, box.right, cell, inner.left);
    const down = splinesOf(box.top, box.bottom, cell, inner.top);
    return upsampledAcross(upsampledDown(coarse, widthOf(inner), down), {
      width: widthOf(inner),
      across,
      rows: heightOf(box),
    });
  });
}

/** Means of cells, weighted by a quadratic B-spline, by repeated halving. */
function averaged(plane: Plane, width: number, halvings: number): Plane {
  for (let done = 0; done < halvings; done++) {
    plane = halvedAcross(halvedDown(plane, width), width);
    width = width / 2 - 1;
  }
  return plane;
}

/** 2n + 2 rows as n, each the mean (1, 3, 3, 1) / 8 of four. */
function halvedDown(plane: Plane, width: number): Plane {
  const result = new Float32Array(width * (plane.length / width / 2 - 1));
  for (let start = 0; start < result.length; start += width) {
    for (let at = 0; at < width; at++) {
      const first = 2 * start + at;
      result[start + at] = mean(plane, first, width);
    }
  }
  return result;
}

function halvedAcross(plane: Plane, width: number): Plane {
  const narrow = width / 2 - 1;
  const result = new Float32Array((plane.length / width) * narrow);
  for (let place = 0, row = 0; place < result.length; row += width) {
    for (let at = 0; at < narrow; at++) result[place++] = mean(plane, row + 2 * at, 1);
  }
  return result;
}

function mean(plane: Plane, first: number, step: number): number {
  const outer = f(f((plane[first] as number) + (plane[first + 3 * step] as number)) * 0.125);
  const near = f(f((plane[first + step] as number) + (plane[first + 2 * step] as number)) * 0.375);
  return f(outer + near);
}

/** For each pixel the first of the four cells that it lies between, and their weights. */
interface Splines {
  readonly first: Int32Array;
  readonly weights: Plane;
}

/** Cubic B-splines of the pixels [start, stop); cell i has its centre at (i + 0.5) · cell. */
function splinesOf(start: number, stop: number, cell: number, firstCell: number): Splines {
  const first = new Int32Array(stop - start);
  const weights = new Float32Array(4 * first.length);
  for (let at = 0; at < first.length; at++) {
    const place = (start + at + 0.5) / cell - 0.5;
    const base = Math.floor(place);
    const share = place - base;
    first[at] = base - firstCell - 1;
    weights[4 * at] = ((1 - share) * (1 - share) * (1 - share)) / 6;
    weights[4 * at + 1] = ((3 * share - 6) * share * share + 4) / 6;
    weights[4 * at + 2] = (((3 - 3 * share) * share + 3) * share + 1) / 6;
    weights[4 * at + 3] = (share * share * share) / 6;
  }
  return { first, weights };
}

function upsampledDown(cells: Plane, width: number, { first, weights }: Splines): Plane {
  const result = new Float32Array(width * first.length);
  for (let row = 0, place = 0; row < first.length; row++) {
    const start = (first[row] as number) * width;
    for (let at = 0; at < width; at++) result[place++] = blended(cells, start + at, width, weights, 4 * row);
  }
  return result;
}

function upsampledAcross(
  cells: Plane,
  { width, across, rows }: { width: number; across: Splines; rows: number },
): Plane {
  const { first, weights } = across;
  const result = new Float32Array(rows * first.length);
  for (let row = 0, place = 0; row < rows; row++) {
    for (let at = 0; at < first.length; at++) {
      result[place++] = blended(cells, row * width + (first[at] as number), 1, weights, 4 * at);
    }
  }
  return result;
}

/** Four cells, `step` apart, by four weights. */
function blended(cells: Plane, first: number, step: number, weights: Plane, from: number): number {
  let sum = f((cells[first] as number) * (weights[from] as number));
  sum = f(sum + f((cells[first + step] as number) * (weights[from + 1] as number)));
  sum = f(sum + f((cells[first + 2 * step] as number) * (weights[from + 2] as number)));
  return f(sum + f((cells[first + 3 * step] as number) * (weights[from + 3] as number)));
}
