/** What was found on this page, one store for all its screens; whatever is not known yet is asked of the service. */
import { app } from "../app.svelte.ts";
import { asksService, Finder } from "./finding.ts";

export const finder = new Finder(asksService(() => app.api));
