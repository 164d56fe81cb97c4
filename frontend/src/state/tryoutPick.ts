/** Which images a template is tried on, and how many at once; it asks no segmenter. */

export const TRIED = 8;
export const AT_ONCE = 3;
/** A score below this is marked: the segmenter itself is not sure. */
export const LOW_SCORE = 0.5;

/**
 * `most` of the images, spread evenly over the set; each further round takes others, as long as there are some.
 */
export function spread<T>(images: readonly T[], round: number, most = TRIED): T[] {
  if (images.length <= most) return [...images];
  const rounds = Math.ceil(images.length / most);
  const picked: T[] = [];
  for (let at = 0; at < most; at++) {
    const from = Math.floor((at * images.length) / most);
    const to = Math.floor(((at + 1) * images.length) / most);
    const middle = from + Math.floor((to - from) / 2);
    const image = images[from + ((middle - from + (round % rounds)) % (to - from))];
    if (image !== undefined) picked.push(image);
  }
  return picked;
}

/** Every item handed to `work`, in turn, at most `atOnce` at a time; an abort starts no further one. */
export async function inTurn<T>(
  items: readonly T[],
  work: (item: T) => Promise<void>,
  signal: AbortSignal,
  atOnce = AT_ONCE,
): Promise<void> {
  const waiting = [...items];
  const lane = async (): Promise<void> => {
    for (let item = waiting.shift(); item !== undefined && !signal.aborted; item = waiting.shift()) await work(item);
  };
  await Promise.all(Array.from({ length: atOnce }, lane));
}

export type Doubt = "empty" | "low_score";

/** What makes a mask doubtful; null for nothing. */
export function doubtOf(share: number, score: number): Doubt | null {
  if (share === 0) return "empty";
  return score < LOW_SCORE ? "low_score" : null;
}
