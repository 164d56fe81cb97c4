/** One file through one signed form, straight to the store; it knows no dataset and repeats nothing. */
import type { UploadTicket } from "../api/types.ts";

/**
 * What became of it: `expired` wants a new form, `broken` may work later, `changed` is not the file that was announced
 * any more, `refused` stays so.
 */
export type Posted = "stored" | "expired" | "broken" | "changed" | "refused";

const CHANGED = ["EntityTooLarge", "EntityTooSmall", "BadDigest", "InvalidDigest", "XAmzContentChecksumMismatch"];

export function postFile(
  ticket: UploadTicket,
  file: Blob,
  onProgress: (bytes: number) => void,
  signal: AbortSignal,
): Promise<Posted> {
  return new Promise((resolve, reject) => {
    // fetch cannot tell how much was sent.
    const request = new XMLHttpRequest();
    const form = new FormData();
    for (const [name, value] of Object.entries(ticket.fields)) form.append(name, value);
    form.append("file", file, "file");
    const stop = (): void => request.abort();
    const end = (posted: Posted): void => {
      signal.removeEventListener("abort", stop);
      resolve(posted);
    };
    request.upload.addEventListener("progress", (event) => onProgress(Math.min(event.loaded, file.size)));
    request.addEventListener("load", () => end(meaningOf(request.status, request.responseText)));
    request.addEventListener("error", () => end("broken"));
    request.addEventListener("timeout", () => end("broken"));
    request.addEventListener("abort", () => reject(signal.reason));
    request.open("POST", ticket.url);
    request.timeout = 10 * 60_000;
    signal.addEventListener("abort", stop, { once: true });
    request.send(form);
  });
}

/** The meaning of the store's answer, whose body names a code in XML. */
export function meaningOf(status: number, body: string): Posted {
  if (status >= 200 && status < 300) return "stored";
  if (status === 403) return "expired";
  if (status === 0 || status >= 500 || status === 408 || status === 429) return "broken";
  const code = /<Code>(\w{1,64})<\/Code>/.exec(body.slice(0, 4000))?.[1] ?? "";
  if (code === "RequestTimeout" || code === "SlowDown") return "broken";
  return CHANGED.includes(code) ? "changed" : "refused";
}
