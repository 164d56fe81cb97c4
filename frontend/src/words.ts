/**
 * Every word that the page says, in plain English. Nothing here blames the reader.
 *
 * One block per screen, the larger ones in `words/`; what is counted or named is a function.
 */
import { ApiError } from "./api/problem.ts";
import { accountWords } from "./words/account.ts";
import { datasetsWords, imagesWords, uploadWords } from "./words/datasets.ts";
import { editorWords } from "./words/editor.ts";
import { jobsWords, jobWords, resultsWords } from "./words/jobs.ts";
import { recipeWords } from "./words/recipe.ts";
import { segmentingWords } from "./words/segmenting.ts";
import { templatesWords } from "./words/templates.ts";
import { tryOutWords } from "./words/tryOut.ts";

export const words = {
  name: "Maskmill",
  common: {
    cancel: "Cancel",
    close: "Close",
    closer: "Closer",
    create: "Create",
    dismiss: "Dismiss",
    farther: "Farther",
    loading: "Loading …",
    more: "Load more",
    remove: "Remove",
    rename: "Rename",
    requestId: (id: string) => `Request ${id}`,
    reset: (name: string) => `Reset ${name}`,
    save: "Save",
    tryAgain: "Try again",
    valueOf: (name: string) => `${name}, as a number`,
    whole: "The whole picture",
  },
  bar: {
    account: "Account and usage",
    dark: "Dark colours",
    datasets: "Datasets",
    jobs: "Jobs",
    light: "Light colours",
    main: "Main",
    offline: "There is no connection. What you see stays; what you change is sent when it is back.",
    signOut: "Sign out",
    skip: "Skip to the content",
  },
  signIn: {
    title: "Click an object once. Get it in every photo.",
    text: "Maskmill turns a folder of photos and a few clicks into a masked, edited, labelled dataset.",
    button: "Sign in",
    expiredTitle: "Your session has ended",
    expired:
      "Sign in again and go on where you were. What was saved is safe, and what you entered here waits in this tab. Files that are still on their way stop; drop them again and only the missing ones are sent.",
    expiredButton: "Sign in again",
    expiredLater: "Not yet",
    expiredBar: "Your session has ended: nothing is loaded or saved until you sign in again.",
    failed: "The sign-in did not come to its end. Try it once more.",
    config: "The page could not read where its service is. Reload it in a moment.",
  },
  missing: {
    title: "There is nothing at this address",
    text: "It may have been removed, or the address may be incomplete.",
    home: "To the datasets",
  },
  dataset: {
    images: "Images",
    templates: "Templates",
    recipe: "Edits and run",
    jobs: "Jobs",
    sections: "Parts of this dataset",
  },
  datasets: datasetsWords,
  images: imagesWords,
  upload: uploadWords,
  templates: templatesWords,
  segmenting: segmentingWords,
  editor: editorWords,
  tryOut: tryOutWords,
  recipe: recipeWords,
  jobs: jobsWords,
  job: jobWords,
  results: resultsWords,
  account: accountWords,
} as const;

/** Codes of the service and of the page, in words for the reader: what to do next. Others say it themselves. */
const ERRORS: Record<string, string> = {
  offline: "The service cannot be reached. Check the connection; the page goes on when it is back.",
  signed_out: "Your session has ended. Sign in again to go on.",
  unauthenticated: "Your session has ended. Sign in again to go on.",
  not_found: "This is not there any more.",
  rate_limited: "That was a lot within a minute. Wait a moment, then try again.",
  precondition_failed: "This was changed in another window. Load it again to see the change.",
};

export function sayError(error: unknown): string {
  if (error instanceof ApiError) {
    const said = ERRORS[error.code] ?? error.message;
    const fields = error.fields.map((field) => field.detail).filter((detail) => !said.includes(detail));
    return fields.length ? `${said} ${fields.slice(0, 3).join(" · ")}` : said;
  }
  return "Something went wrong in the page. Reload it; what was saved is safe.";
}
