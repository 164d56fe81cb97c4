/** A refusal of the service (RFC 9457), or a failure on the way to it, as one kind of error with a stable code. */
import type { Problem, ProblemField } from "./types.ts";

/** Codes of the page's own, beside those of the service. */
export type LocalCode = "offline" | "unreadable" | "signed_out";

export class ApiError extends Error {
  readonly code: string;
  readonly status: number;
  readonly fields: readonly ProblemField[];
  readonly requestId: string | null;
  readonly retryAfterS: number | null;

  constructor(
    code: string,
    detail: string,
    more: {
      status?: number;
      fields?: readonly ProblemField[];
      requestId?: string | null;
      retryAfterS?: number | null;
    } = {},
  ) {
    super(detail);
    this.name = "ApiError";
    this.code = code;
    this.status = more.status ?? 0;
    this.fields = more.fields ?? [];
    this.requestId = more.requestId ?? null;
    this.retryAfterS = more.retryAfterS ?? null;
  }

  /** Whether the same request may succeed later. */
  get isRetryable(): boolean {
    return this.code === "offline" || [408, 429, 502, 503, 504].includes(this.status) || this.code === "still_running";
  }
}

export function isProblem(body: unknown): body is Problem {
  return typeof body === "object" && body !== null && "code" in body && "detail" in body;
}

/** The error that an answer of 400 or more means. */
export async function problemOf(response: Response): Promise<ApiError> {
  const retryAfterS = seconds(response.headers.get("Retry-After"));
  const body: unknown = await response.json().catch(() => null);
  if (isProblem(body)) {
    return new ApiError(body.code, body.detail, {
      status: response.status,
      fields: body.errors ?? [],
      requestId: body.request_id,
      retryAfterS,
    });
  }
  const code = response.status === 401 ? "unauthenticated" : response.status >= 500 ? "unavailable" : "refused";
  return new ApiError(code, `The service answered ${response.status}.`, { status: response.status, retryAfterS });
}

function seconds(header: string | null): number | null {
  const value = header === null ? Number.NaN : Number(header);
  return Number.isFinite(value) && value >= 0 ? value : null;
}
