/** Which files of a drop, a folder or the clipboard are photos, and their names; it reads no bytes and sends nothing. */

export interface Picked {
  readonly file: File;
  /** The name under which the dataset will know it: the path below the folder that was chosen. */
  readonly name: string;
}

export type LeftOutReason = "not_a_picture" | "too_many" | "unreadable";

export interface LeftOut {
  readonly name: string;
  readonly reason: LeftOutReason;
}

export interface Found {
  readonly files: Picked[];
  readonly leftOut: LeftOut[];
}

/** As many as a dataset holds. */
export const FILES_MAX = 10_000;
const DEPTH_MAX = 16;
const NAME_BYTES_MAX = 255;
const READ = "jpg jpeg jpe jfif png webp bmp dib tif tiff";
const REFUSED_WITH_A_HINT = "heic heif avif gif jp2 ppm pgm"; // which says more than passing them over
const PICTURES = new Set(`${READ} ${REFUSED_WITH_A_HINT}`.split(" "));

/** What was dropped: files, and folders with everything below them. Call it before the drop's event has ended. */
export async function filesOfDrop(data: DataTransfer): Promise<Found> {
  // The browser forgets the items when the event is over, so the entries are taken before the first wait.
  const entries = [...data.items].map((item) => item.webkitGetAsEntry()).filter((entry) => entry !== null);
  if (entries.length === 0) return sorted([...data.files].map((file) => ({ file, name: file.name })));
  const picked: Picked[] = [];
  const leftOut: LeftOut[] = [];
  const isOneFolder = entries.length === 1 && entries[0]?.isDirectory === true;
  for (const entry of entries) await walk(entry, isOneFolder ? null : "", picked, leftOut, 0);
  const found = sorted(picked);
  return { files: found.files, leftOut: [...leftOut, ...found.leftOut] };
}

/** What a picker gave; of a folder the names go on below it. */
export function filesOfPicker(list: Iterable<File>): Found {
  return sorted(
    [...list].map((file) => ({ file, name: file.webkitRelativePath.split("/").slice(1).join("/") || file.name })),
  );
}

/** Pictures of the clipboard; they are all called the same, so each is named by its moment. */
export function filesOfPaste(data: DataTransfer, now: Date): Picked[] {
  const moment = now.toISOString().slice(0, 19).replace("T", " ").replaceAll(":", ".");
  return [...data.files]
    .filter((file) => file.type.startsWith("image/"))
    .map((file, index) => {
      const isUnnamed = /^image\.\w+$/.test(file.name);
      const extension = file.name.split(".").at(-1) ?? "png";
      return { file, name: isUnnamed ? `pasted ${moment}${index ? ` ${index + 1}` : ""}.${extension}` : file.name };
    });
}

/** A name that the service takes: without characters that nobody can see, and short enough. */
export function plainName(name: string): string {
  let plain = name
    .normalize("NFC")
    .replace(/[\p{Cc}\p{Cs}\u061c\u200b\u200e\u200f\u2028-\u202e\u2060\u2066-\u2069\ufeff]/gu, "_");
  const bytes = new TextEncoder();
  while (bytes.encode(plain).length > NAME_BYTES_MAX) plain = [...plain].slice(1).join("");
  return /^[ .]*$/.test(plain) ? "photo" : plain;
}

function sorted(all: Iterable<Picked>): Found {
  const files: Picked[] = [];
  const leftOut: LeftOut[] = [];
  for (const { file, name } of all) {
    const last = name.split("/").at(-1) ?? name;
    if (last.startsWith(".")) continue; // what the system hides is no choice of the reader's
    const extension = last.split(".").at(-1)?.toLowerCase() ?? "";
    const isPicture = PICTURES.has(extension) || file.type.startsWith("image/");
    if (!isPicture || last.toLowerCase().endsWith(".mask.png")) leftOut.push({ name, reason: "not_a_picture" });
    else if (files.length >= FILES_MAX) leftOut.push({ name, reason: "too_many" });
    else files.push({ file, name: plainName(name) });
  }
  return { files, leftOut };
}

/** `base` is the path so far; null for the one folder that was dropped, whose own name says nothing. */
async function walk(
  entry: FileSystemEntry,
  base: string | null,
  picked: Picked[],
  leftOut: LeftOut[],
  depth: number,
): Promise<void> {
  if (entry.name.startsWith(".") || picked.length > FILES_MAX) return;
  const name = (base ?? "") + entry.name;
  try {
    if (entry.isFile) picked.push({ file: await fileOf(entry as FileSystemFileEntry), name });
    else if (depth < DEPTH_MAX) {
      const below = base === null ? "" : `${name}/`;
      for (const child of await childrenOf(entry as FileSystemDirectoryEntry)) {
        await walk(child, below, picked, leftOut, depth + 1);
      }
    }
  } catch {
    leftOut.push({ name, reason: "unreadable" });
  }
}

function fileOf(entry: FileSystemFileEntry): Promise<File> {
  return new Promise((resolve, reject) => entry.file(resolve, reject));
}

/** A reader hands out a folder piece by piece, until it hands out nothing. */
async function childrenOf(folder: FileSystemDirectoryEntry): Promise<FileSystemEntry[]> {
  const reader = folder.createReader();
  const children: FileSystemEntry[] = [];
  for (;;) {
    const some = await new Promise<FileSystemEntry[]>((resolve, reject) => reader.readEntries(resolve, reject));
    if (some.length === 0 || children.length > FILES_MAX) break;
    children.push(...some);
  }
  return children.sort((one, other) => one.name.localeCompare(other.name, "en", { numeric: true }));
}
