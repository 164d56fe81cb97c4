/** One line about an upload, for the panel and for the bar that goes along. */
import { count } from "../format.ts";
import type { DatasetUploads } from "../state/uploads.svelte.ts";
import { words } from "../words.ts";

export function headline(uploads: DatasetUploads): string {
  const { counts, files, open } = uploads.summary;
  if (open > 0) return words.upload.sending(count(files - open), count(files));
  if (counts.ingesting > 0) return words.upload.looking(count(counts.ingesting));
  return words.upload.ended(count(counts.done));
}
