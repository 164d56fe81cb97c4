/** What a job made, saved by the browser. Addresses are asked for at the click: they run out after a quarter of an hour. */
import { mediaUrl } from "../../api/client.ts";
import type { DatasetFiles, ExportFormat } from "../../api/types.ts";
import { saveAddress } from "../../download/save.ts";
import { app } from "../../state/app.svelte.ts";
import type { JobState } from "../../state/job.svelte.ts";
import { sayError } from "../../words.ts";

/** A list of the dataset. */
export async function saveFile(job: string, pick: (files: DatasetFiles) => string, name: string): Promise<void> {
  try {
    saveAddress(mediaUrl(pick(await app.api.files(job))), name);
  } catch (error) {
    app.say(sayError(error), "bad");
  }
}

/** All files of an export as soon as they are made, and how many they are; `onParts` hears of it while it waits. */
export async function saveExport(
  job: JobState,
  format: ExportFormat,
  onParts: (made: number) => void = () => undefined,
): Promise<number> {
  try {
    const files = await job.exportFiles(format, onParts);
    for (const file of files) saveAddress(mediaUrl(file.url), file.name);
    return files.length;
  } catch (error) {
    app.say(sayError(error), "bad");
    return 0;
  }
}
