/** One line and one share about an upload, for the panel and for the bar that goes along. */
import { count } from "../format.ts";
import type { DatasetUploads } from "../state/uploads.svelte.ts";
import type { Summary } from "../upload/file.ts";
import { words } from "../words.ts";

export function headline(uploads: DatasetUploads): string {
  const { counts, files, open } = uploads.summary;
  if (open > 0) return words.upload.sending(count(files - open), count(files));
  if (counts.ingesting > 0) return words.upload.looking(count(counts.done), count(counts.ingesting));
  return words.upload.ended(count(counts.done), counts.held > 0 ? count(counts.held) : null);
}

/** First what is sent, then what ingest has looked at. */
export function progressOf({ counts, open, sentBytes, totalBytes }: Summary): number {
  if (open > 0) return totalBytes > 0 ? sentBytes / totalBytes : 0;
  const ended = counts.done + counts.refused;
  return ended / Math.max(1, ended + counts.ingesting);
}
