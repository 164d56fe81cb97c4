/** The segmenter that this page asks, one for all its screens, so that what one of them found is known to the others. */
import { app } from "../app.svelte.ts";
import { RemoteFinder } from "./finding.ts";

class PageSegmenter extends RemoteFinder {
  /** Whether a question goes over the network. */
  readonly isRemote = true;
}

export const segmenter = new PageSegmenter(() => app.api);
