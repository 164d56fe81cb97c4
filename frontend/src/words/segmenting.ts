/** Words about who answers prompts. */
import type { Standing } from "../segment/choose.ts";

const service: Record<NonNullable<Standing["why"]>, string> = {
  getting_ready: "Clicks are answered by the service while this page gets ready to answer them by itself.",
  no_embeddings: "Clicks are answered by the service: its segmenter cannot run on a page.",
  no_decoder: "Clicks are answered by the service: its segmenter has no part for the page.",
  no_wasm: "Clicks are answered by the service: this browser could not start the segmenter's part for the page.",
  unusable_embedding:
    "Clicks on this image are answered by the service: the page could not read what it needs for that.",
  unreachable: "Clicks on this image are answered by the service: the page could not fetch what it needs for that.",
  crashed: "Clicks are answered by the service: the segmenter's part on this page stopped twice.",
};

export const segmentingWords = {
  /** Who answers clicks, and why it is not the page. */
  standing: ({ why }: Standing): string =>
    why === null ? "Clicks are answered by this page, at no cost." : service[why],
};
