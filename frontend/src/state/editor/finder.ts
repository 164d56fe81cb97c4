/** What was found on this page, one store for all its screens, and who answers what is not known yet. */
import { chooseSegmenter, type Standing } from "../../segment/choose.ts";
import { app } from "../app.svelte.ts";
import { Answering } from "./answering.ts";
import { asksService, Finder } from "./finding.ts";

export const finder = new Finder(asksService(() => app.api));

/** For a stage: the page's own segmenter where it has one, and the service. */
export function onPage(onChange: (standing: Standing) => void): Answering {
  return new Answering(finder, chooseSegmenter(app.api, onChange));
}
