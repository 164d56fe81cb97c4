/**
 * The outline of a field by marching squares, between the samples where the sign changes; it draws nothing.
 *
 * Loops are closed and run with the inside on their left hand as the image is seen. Where a mask touches the edge of the
 * image, its outline runs along that edge.
 */
import type { Field } from "./field.ts";

/** x and y of one corner after the other, in image pixels. */
export type Loop = Float32Array<ArrayBuffer>;

/*
 * Corners of a cell: 1 top left, 2 top right, 4 bottom right, 8 bottom left. Sides: 0 top, 1 right, 2 bottom, 3 left.
 * For each pattern of corners inside: from which side to which side the outline crosses the cell.
 */
const CROSSINGS: readonly (readonly [number, number])[][] = [
  [],
  [[3, 0]],
  [[0, 1]],
  [[3, 1]],
  [[1, 2]],
  [],
  [[0, 2]],
  [[3, 2]],
  [[2, 3]],
  [[2, 0]],
  [],
  [[2, 1]],
  [[1, 3]],
  [[1, 0]],
  [[0, 3]],
  [],
];
const SADDLES = {
  5: { joined: [[3, 2], [1, 0]], apart: [[3, 0], [1, 2]] },
  10: { joined: [[0, 3], [2, 1]], apart: [[0, 1], [2, 3]] },
} as const; // prettier-ignore

export function outline(field: Field): Loop[] {
  const grid = new Grid(field);
  const next = crossings(grid);
  const loops: Loop[] = [];
  for (let start = 0; start < next.length; start++) {
    if (next[start] === NONE) continue;
    const corners: number[] = [];
    let side = start;
    do {
      corners.push(...grid.place(side));
      const following = next[side] ?? NONE;
      next[side] = NONE;
      side = following;
    } while (side !== start && side !== NONE);
    loops.push(Float32Array.from(corners));
  }
  return loops;
}

/** An outline as the `d` of an SVG path, in image pixels to a hundredth. */
export function svgPath(loops: readonly Loop[]): string {
  const rounded = (value: number | undefined): number => Math.round((value ?? 0) * 100) / 100;
  let path = "";
  for (const loop of loops) {
    for (let at = 0; at < loop.length; at += 2) {
      path += `${at === 0 ? "M" : "L"}${rounded(loop[at])} ${rounded(loop[at + 1])}`;
    }
    path += "Z";
  }
  return path;
}

/** Add an outline to a path of a canvas, in image pixels. */
export function tracePath(path: Pick<CanvasPath, "moveTo" | "lineTo" | "closePath">, loops: readonly Loop[]): void {
  for (const loop of loops) {
    path.moveTo(loop[0] ?? 0, loop[1] ?? 0);
    for (let at = 2; at < loop.length; at += 2) path.lineTo(loop[at] ?? 0, loop[at + 1] ?? 0);
    path.closePath();
  }
}

const NONE = -1;

/** Samples with a rim of background around them, and the sides between neighbours: first the upper, then the left. */
class Grid {
  readonly columns: number;
  readonly rows: number;
  readonly #field: Field;

  constructor(field: Field) {
    this.#field = field;
    this.columns = field.width + 2;
    this.rows = field.height + 2;
  }

  /** The sample at a place of the rimmed grid; negative on the rim. */
  value(column: number, row: number): number {
    const { width, height, values } = this.#field;
    if (column < 1 || row < 1 || column > width || row > height) return NONE;
    return values[(row - 1) * width + column - 1] ?? NONE;
  }

  /** The number of a side of the cell whose top left corner is at (column, row). */
  side(column: number, row: number, side: number): number {
    const isAcross = side === 0 || side === 2; // it joins two samples of one row
    const place = (row + (side === 2 ? 1 : 0)) * this.columns + column + (side === 1 ? 1 : 0);
    return 2 * place + (isAcross ? 0 : 1);
  }

  /** Where the outline crosses a side, in image pixels. */
  place(side: number): [number, number] {
    const { stepX, stepY, size } = this.#field;
    const isAcross = side % 2 === 0;
    const column = ((side - (side % 2)) / 2) % this.columns;
    const row = ((side - (side % 2)) / 2 - column) / this.columns;
    const [toColumn, toRow] = isAcross ? [column + 1, row] : [column, row + 1];
    const from = this.value(column, row);
    const to = this.value(toColumn, toRow);
    const share = this.#isRim(column, row) || this.#isRim(toColumn, toRow) ? 0.5 : from / (from - to);
    const x = (column - 0.5 + (isAcross ? share : 0)) * stepX;
    const y = (row - 0.5 + (isAcross ? 0 : share)) * stepY;
    return [Math.min(size.width_px, Math.max(0, x)), Math.min(size.height_px, Math.max(0, y))];
  }

  #isRim(column: number, row: number): boolean {
    return column < 1 || row < 1 || column > this.#field.width || row > this.#field.height;
  }
}

/** For each side that the outline crosses, the side that it crosses next; NONE for all others. */
function crossings(grid: Grid): Int32Array {
  const next = new Int32Array(2 * grid.columns * grid.rows).fill(NONE);
  for (let row = 0; row + 1 < grid.rows; row++) {
    let left = isInside(grid.value(0, row), grid.value(0, row + 1));
    for (let column = 0; column + 1 < grid.columns; column++) {
      const right = isInside(grid.value(column + 1, row), grid.value(column + 1, row + 1));
      const pattern = (left & 1) | ((right & 1) << 1) | ((right & 2) << 1) | ((left & 2) << 2);
      left = right;
      if (pattern === 0 || pattern === 15) continue;
      const pairs = pattern === 5 || pattern === 10 ? saddle(grid, column, row, pattern) : (CROSSINGS[pattern] ?? []);
      for (const [from, to] of pairs) next[grid.side(column, row, from)] = grid.side(column, row, to);
    }
  }
  return next;
}

function isInside(upper: number, lower: number): number {
  return (upper > 0 ? 1 : 0) | (lower > 0 ? 2 : 0);
}

/** Two opposite corners are inside: whether they belong together is decided by the middle of the cell. */
function saddle(grid: Grid, column: number, row: number, pattern: 5 | 10): readonly (readonly [number, number])[] {
  const upper = grid.value(column, row) + grid.value(column + 1, row);
  const lower = grid.value(column, row + 1) + grid.value(column + 1, row + 1);
  return SADDLES[pattern][upper + lower > 0 ? "joined" : "apart"];
}
