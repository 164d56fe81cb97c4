/** What the page says about the account and what it uses. */

export const accountWords = {
  title: "Account and usage",
  signedInAs: (name: string) => `Signed in as ${name}.`,
  signedIn: "You are signed in.",
  signOut: "Sign out",
  usage: "What is used",
  of: (used: string, limit: string) => `${used} of ${limit}`,
  full: "The limit is reached.",
  quotas: {
    datasets: "Datasets",
    images: "Images",
    bytes: "Uploaded photos",
    open_jobs: "Jobs at a time",
    variants_per_day: "Variants today",
    gpu_seconds_per_day: "Seconds of the segmenter today",
  },
  dayEnds: (when: string) => `Variants and seconds are counted anew from ${when}.`,
  limitsText: (bytes: string, pixels: string) => `A photo may have up to ${bytes} and ${pixels} pixels.`,
  about: "About",
  version: (version: string) => `Page ${version}`,
  service: (version: string, segmenter: string) => `Service ${version}, which finds objects with ${segmenter}`,
  docs: "The API, with every call explained",
  keys: "Keys",
  keyTable: [
    ["Arrows, Home, End, Page up, Page down", "Move in a gallery"],
    ["Space, Shift + arrows, Ctrl + A", "Choose images"],
    ["Enter", "Open the image"],
    ["← and →", "Previous and next image while one is open"],
    ["Escape", "Choose none; close a dialog"],
    ["?", "All keys of the editor, while it is open"],
  ],
} as const;
