/** Asks what ingest made of files, gently: sooner at first, later the longer it takes, and not while nobody looks. */
import type { ImageView, ImageViewPage } from "../api/types.ts";

export interface SettlingPorts {
  read(cursor: string | null, signal: AbortSignal): Promise<ImageViewPage>;
  pause(seconds: number, signal: AbortSignal): Promise<void>;
  /** Resolves when the page is looked at, at once where it is. */
  visible(): Promise<void>;
}

const SOONEST_S = 2;
const LATEST_S = 10;
const PAGES_PER_ROUND = 6;

/**
 * Read the end of a dataset's list until `waiting` says that nothing is awaited. `from` is where those images begin;
 * pages of which everything is settled are not read again.
 */
export async function follow(
  ports: SettlingPorts,
  from: string | null,
  waiting: () => number,
  onImages: (images: ImageView[]) => void,
  signal: AbortSignal,
): Promise<void> {
  let start = from;
  let wait = SOONEST_S;
  while (waiting() > 0) {
    await ports.pause(wait, signal);
    await ports.visible();
    const before = waiting();
    try {
      start = await round(ports, start, onImages, signal);
    } catch (error) {
      if (signal.aborted) throw error;
    }
    wait = waiting() < before ? SOONEST_S : Math.min(LATEST_S, wait * 1.5);
  }
}

async function round(
  ports: SettlingPorts,
  from: string | null,
  onImages: (images: ImageView[]) => void,
  signal: AbortSignal,
): Promise<string | null> {
  let cursor = from;
  let start = from;
  let isSettled = true;
  for (let page = 0; page < PAGES_PER_ROUND; page++) {
    const { items, next_cursor: next } = await ports.read(cursor, signal);
    onImages(items);
    isSettled &&= items.every((image) => image.status !== "expected");
    if (!next) break;
    if (isSettled) start = next;
    cursor = next;
  }
  return start;
}
