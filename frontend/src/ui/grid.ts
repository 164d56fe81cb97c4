/** Where the cells of a long grid lie and which of them are in sight; it draws nothing. */

export interface Shape {
  readonly columns: number;
  /** The width of a cell, and the distance from one row to the next. */
  readonly cellWidth: number;
  readonly pitch: number;
  readonly rows: number;
}

/** Cells at least `smallest` wide fill the width; the last row may be shorter. */
export function shapeOf(
  count: number,
  width: number,
  asked: { smallest: number; gap: number; heightOf: (cellWidth: number) => number },
): Shape {
  const columns = Math.max(1, Math.floor((width + asked.gap) / (asked.smallest + asked.gap)));
  const cellWidth = Math.max(1, Math.floor((width - asked.gap * (columns - 1)) / columns));
  const pitch = Math.max(1, Math.round(asked.heightOf(cellWidth))) + asked.gap;
  return { columns, cellWidth, pitch, rows: Math.ceil(count / columns) };
}

/** The first row in sight and the row after the last one, with `beyond` rows more at either end. */
export function rowsInSight(
  shape: Shape,
  sight: { top: number; height: number },
  beyond = 1,
): { from: number; to: number } {
  const from = Math.floor(sight.top / shape.pitch) - beyond;
  const to = Math.ceil((sight.top + sight.height) / shape.pitch) + beyond;
  const last = shape.rows;
  return { from: Math.min(last, Math.max(0, from)), to: Math.min(last, Math.max(0, to)) };
}

/** The cell that a key leads to, or null for a key that leads nowhere. */
export function indexAfter(
  key: string,
  index: number,
  count: number,
  columns: number,
  rowsOfPage: number,
): number | null {
  const steps: Record<string, number> = {
    ArrowLeft: -1,
    ArrowRight: 1,
    ArrowUp: -columns,
    ArrowDown: columns,
    PageUp: -columns * rowsOfPage,
    PageDown: columns * rowsOfPage,
  };
  if (count === 0) return null;
  if (key === "Home") return 0;
  if (key === "End") return count - 1;
  const step = steps[key];
  if (step === undefined) return null;
  const next = index + step;
  if (next >= 0 && next < count) return next;
  if (Math.abs(step) === 1) return index;
  if (key === "ArrowUp") return index;
  if (next < 0) return index % columns;
  // A shorter last row still takes the focus when the row under it would be beyond the end.
  return Math.floor(index / columns) < Math.floor((count - 1) / columns) ? count - 1 : index;
}
