/** Exact Euclidean distances between pixel centres, up to a cap, in whole numbers; it knows no mask and no feather. */
import type { Size } from "../geometry/spaces.ts";

/**
 * For each pixel the squared distance to the nearest pixel that is not 0 in `seeds`, at most (cap + 1)².
 *
 * Two passes (Meijster, Roerdink and Hesselink, 2000): down and up the columns, then across the rows.
 */
export function squaredDistances(seeds: Uint8Array, size: Size, capPx: number): Int32Array {
  const { height_px: height, width_px: width } = size;
  const far = (capPx + 1) ** 2;
  const columns = columnSquares(seeds, size, capPx);
  const squares = new Int32Array(height * width);
  for (let row = 0; row < height; row++) {
    const start = row * width;
    for (let column = 0; column < width; column++) {
      const place = start + column;
      let best = Math.min(columns[place] as number, far);
      for (let step = 1; step <= capPx && step * step < best; step++) {
        const across = step * step;
        if (column >= step) best = Math.min(best, (columns[place - step] as number) + across);
        if (column + step < width) best = Math.min(best, (columns[place + step] as number) + across);
      }
      squares[place] = best;
    }
  }
  return squares;
}

/** The square of the vertical distance to the nearest seed of the same column, at most (cap + 1)². */
function columnSquares(seeds: Uint8Array, { height_px: height, width_px: width }: Size, capPx: number): Int32Array {
  const distances = new Int32Array(height * width);
  for (let place = 0; place < distances.length; place++) {
    const above = place < width ? capPx : (distances[place - width] as number);
    distances[place] = seeds[place] ? 0 : Math.min(above, capPx) + 1;
  }
  for (let place = distances.length - width - 1; place >= 0; place--) {
    const below = Math.min(distances[place + width] as number, capPx) + 1;
    if (below < (distances[place] as number)) distances[place] = below;
  }
  for (let place = 0; place < distances.length; place++) distances[place] = (distances[place] as number) ** 2;
  return distances;
}
