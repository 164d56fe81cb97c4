/** The files of an export, waited for while it is being made; it saves nothing and knows no screen. */
import type { Answer } from "../api/http.ts";
import { pause } from "../api/http.ts";
import { ApiError } from "../api/problem.ts";
import type { ExportFile, ExportStatus, ExportView } from "../api/types.ts";

/** Between two looks at an export where the service does not say when to come again. */
const PAUSE_S = 5;

export interface ExportSource {
  start(): Promise<ExportView>;
  read(signal: AbortSignal): Promise<Answer<ExportView>>;
}

interface Asked {
  /** How far it was when last seen; undefined where nobody has asked for it. */
  readonly status: ExportStatus | undefined;
  readonly signal: AbortSignal;
  /** While it is being made: how many of its parts there are. */
  readonly onParts: (made: number) => void;
}

/**
 * An export's files, once they are made: it is asked for where it is not there and not on its way. The service brings
 * each one that it began to an end. Throws ApiError with the reason of one that failed, and the signal's reason.
 */
export async function madeExport(
  source: ExportSource,
  { status, signal, onParts }: Asked,
  sleep = pause,
): Promise<readonly ExportFile[]> {
  if (status === undefined || status === "failed") onParts((await source.start()).parts);
  for (;;) {
    signal.throwIfAborted();
    const { body, retryAfterS } = await source.read(signal);
    signal.throwIfAborted();
    if (body.status === "ready") return body.files;
    if (body.status === "failed") throw failure(body);
    onParts(body.parts);
    await sleep(retryAfterS ?? PAUSE_S, signal);
  }
}

function failure({ refusal }: ExportView): ApiError {
  return new ApiError(refusal?.code ?? "export_failed", refusal?.message ?? "It could not be made. Try it again.");
}
