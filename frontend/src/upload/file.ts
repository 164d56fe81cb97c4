/** One file on its way into a dataset, as the page shows it. */
import type { ImageView } from "../api/types.ts";

/**
 * waiting → hashed → announced → sending → ingesting → done | refused; `held` was there before, `failed` may be tried
 * again, `cancelled` was the reader's wish.
 */
export type FileState =
  "waiting" | "hashed" | "announced" | "sending" | "ingesting" | "done" | "held" | "refused" | "failed" | "cancelled";

/** Why a file was not taken: a code of the page's own, or the service's words. */
export type Reason = LocalReason | { readonly said: string };
export type LocalReason = "empty" | "too_large" | "unreadable" | "changed" | "network" | "store" | "twice";

export interface UploadFile {
  readonly id: number;
  readonly name: string;
  readonly sizeBytes: number;
  readonly state: FileState;
  readonly sentBytes: number;
  readonly sha256: string | null;
  readonly reason: Reason | null;
  readonly image: ImageView | null;
  readonly imageId: string | null;
}

export interface Summary {
  readonly files: number;
  readonly counts: Readonly<Record<FileState, number>>;
  /** Of those that are sent or will be. */
  readonly totalBytes: number;
  readonly sentBytes: number;
  /** Files that still need this page to stay open. */
  readonly open: number;
}

const OPEN: readonly FileState[] = ["waiting", "hashed", "announced", "sending"];

export function isOpen(file: UploadFile): boolean {
  return OPEN.includes(file.state);
}

export function summaryOf(files: Iterable<UploadFile>): Summary {
  const counts: Record<FileState, number> = {
    waiting: 0,
    hashed: 0,
    announced: 0,
    sending: 0,
    ingesting: 0,
    done: 0,
    held: 0,
    refused: 0,
    failed: 0,
    cancelled: 0,
  };
  let [total, open, totalBytes, sentBytes] = [0, 0, 0, 0];
  for (const file of files) {
    total++;
    counts[file.state]++;
    const wasSent = file.state === "ingesting" || file.state === "done" || file.sentBytes > 0;
    if (isOpen(file)) open++;
    if (isOpen(file) || wasSent) {
      totalBytes += file.sizeBytes;
      sentBytes += Math.min(file.sentBytes, file.sizeBytes);
    }
  }
  return { files: total, counts, totalBytes, sentBytes, open };
}
