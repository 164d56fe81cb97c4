/** A closer look at a picture in its frame: how large, and which part; in shares of the frame, so it knows no pixels. */

export interface Zoom {
  readonly scale: number;
  /** Where the picture's top left corner is, from 1 − scale to 0. */
  readonly x: number;
  readonly y: number;
}

export const WHOLE: Zoom = { scale: 1, x: 0, y: 0 };
export const ZOOM_MAX = 8;

/** `factor` times as large, with the place under (`atX`, `atY`) staying where it is as far as the frame stays full. */
export function zoomed(zoom: Zoom, factor: number, atX = 0.5, atY = 0.5): Zoom {
  const scale = Math.min(ZOOM_MAX, Math.max(1, zoom.scale * factor));
  const grown = scale / zoom.scale;
  return within({ scale, x: atX - (atX - zoom.x) * grown, y: atY - (atY - zoom.y) * grown });
}

export function panned(zoom: Zoom, dx: number, dy: number): Zoom {
  return within({ scale: zoom.scale, x: zoom.x + dx, y: zoom.y + dy });
}

function within({ scale, x, y }: Zoom): Zoom {
  const kept = (offset: number): number => Math.min(0, Math.max(1 - scale, offset));
  return { scale, x: kept(x), y: kept(y) };
}
