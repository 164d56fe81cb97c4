/** A file of a job's dataset, saved by the browser. */
import { mediaUrl } from "../../api/client.ts";
import type { DatasetFiles } from "../../api/types.ts";
import { saveAddress } from "../../download/save.ts";
import { app } from "../../state/app.svelte.ts";
import { sayError } from "../../words.ts";

/** Addresses are asked for at the click: they run out after a quarter of an hour. */
export async function saveFile(job: string, pick: (files: DatasetFiles) => string, name: string): Promise<void> {
  try {
    saveAddress(mediaUrl(pick(await app.api.files(job))), name);
  } catch (error) {
    app.say(sayError(error), "bad");
  }
}
