/** Many files as one ZIP: whole or not at all. It reads a few files at a time and knows nothing of jobs. */
import { downloadZip } from "client-zip";
import { pause } from "../api/http.ts";

export interface Wanted {
  readonly name: string;
  /** Where the file is; asked again when an address has run out. */
  readonly address: (isAgain: boolean) => Promise<string>;
}

/** Which file could not be read. */
export class FileLost extends Error {
  readonly file: string;

  constructor(file: string, cause: unknown) {
    super(`${file} could not be read`, { cause });
    this.file = file;
  }
}

/** How many files one ZIP takes: what a page can hold while it is made, and far below the 65,535 of plain ZIP. */
export const ZIP_FILES_MAX = 2_000;
const AHEAD = 4;
const PAUSES_S = [0.5, 2];

/** The ZIP of all files, in their order; throws FileLost where one cannot be read, and the signal's reason. */
export async function zipOf(
  files: readonly Wanted[],
  { signal, onFile, fetcher = fetch }: { signal: AbortSignal; onFile?: (done: number) => void; fetcher?: typeof fetch },
): Promise<Blob> {
  const names = namedApart(files.map(({ name }) => name));
  async function* parts(): AsyncGenerator<{ name: string; input: Blob }> {
    const running: Promise<Blob>[] = [];
    for (let next = 0; next < files.length; next++) {
      signal.throwIfAborted();
      for (let ahead = running.length; ahead < Math.min(files.length, next + AHEAD); ahead++) {
        const file = files[ahead];
        if (file === undefined) break;
        const body = contentOf(file, signal, fetcher);
        body.catch(() => undefined); // it is awaited in its turn
        running.push(body);
      }
      const input = await (running[next] as Promise<Blob>);
      signal.throwIfAborted();
      yield { name: names[next] ?? "", input };
      onFile?.(next + 1);
    }
  }
  return downloadZip(parts()).blob();
}

async function contentOf(file: Wanted, signal: AbortSignal, fetcher: typeof fetch): Promise<Blob> {
  for (let attempt = 0; ; attempt++) {
    signal.throwIfAborted();
    try {
      const response = await fetcher(await file.address(attempt > 0), { signal });
      if (!response.ok) throw new Error(`${response.status}`);
      return await response.blob();
    } catch (error) {
      signal.throwIfAborted();
      const wait = PAUSES_S[attempt];
      if (wait === undefined) throw new FileLost(file.name, error);
      await pause(wait, signal);
    }
  }
}

/** The same names, with a number where one comes again; the case does not tell two names apart. */
export function namedApart(names: readonly string[]): string[] {
  const seen = new Set<string>();
  return names.map((name) => {
    let own = name;
    for (let copy = 2; seen.has(own.toLowerCase()); copy++)
      own = name.replace(/(\.[^./]*)?$/, (end) => `-${copy}${end}`);
    seen.add(own.toLowerCase());
    return own;
  });
}
