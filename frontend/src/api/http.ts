/** Requests to the service: a token, JSON both ways, repeats with growing pauses; it knows no route. */
import { ApiError, problemOf } from "./problem.ts";

export interface Answer<T> {
  readonly body: T;
  readonly status: number;
  readonly etag: string | null;
  readonly retryAfterS: number | null;
}

export interface Ask {
  readonly body?: unknown;
  readonly signal?: AbortSignal | undefined;
  /** The same key names the same effect, so such a call may be repeated although it makes something. */
  readonly key?: string;
  /** Done twice it is as if done once, although its method does not say so. */
  readonly mayRepeat?: boolean;
  readonly ifMatch?: string;
  readonly ifNoneMatch?: string;
}

export interface Tokens {
  /** A token that is good now, renewed where needed; throws ApiError `signed_out` when nobody is signed in. */
  token(): Promise<string>;
  /** The service did not accept this token: the next call renews it or ends the session. */
  refused(token: string): void;
}

const PAUSES_S = [0.5, 1.5, 4, 8];
const BASE = "/api/v1";

export class Http {
  readonly #tokens: Tokens;
  readonly #fetch: typeof fetch;
  readonly #sleep: (seconds: number, signal?: AbortSignal) => Promise<void>;
  readonly #trace = hex(16); // of all calls until the page is loaded anew: W3C's Trace Context

  constructor(tokens: Tokens, fetcher: typeof fetch = fetch.bind(globalThis), sleep = pause) {
    this.#tokens = tokens;
    this.#fetch = fetcher;
    this.#sleep = sleep;
  }

  /** The answer of a call; throws ApiError for refusals and for a network that stays away, AbortError when aborted. */
  async call<T>(method: string, path: string, ask: Ask = {}): Promise<Answer<T>> {
    const isRepeatable = /^(GET|DELETE|PATCH)$/.test(method) || ask.key !== undefined || ask.mayRepeat === true;
    let wasRefused = false;
    for (let attempt = 0; ; attempt++) {
      let token = "";
      try {
        token = await this.#tokens.token();
        return await this.#once<T>(method, path, ask, token);
      } catch (error) {
        if (!(error instanceof ApiError)) throw error;
        if (error.status === 401 && token !== "" && !wasRefused) {
          wasRefused = true;
          this.#tokens.refused(token);
          attempt--;
          continue;
        }
        const wait = PAUSES_S[attempt];
        if (!isRepeatable || !error.isRetryable || wait === undefined) throw error;
        await this.#sleep(Math.max(wait * (0.75 + Math.random() / 2), error.retryAfterS ?? 0), ask.signal);
      }
    }
  }

  async #once<T>(method: string, path: string, ask: Ask, token: string): Promise<Answer<T>> {
    const headers: Record<string, string> = {
      Authorization: `Bearer ${token}`,
      traceparent: `00-${this.#trace}-${hex(8)}-01`,
    };
    if (ask.body !== undefined) headers["Content-Type"] = "application/json";
    if (ask.key !== undefined) headers["Idempotency-Key"] = ask.key;
    if (ask.ifMatch !== undefined) headers["If-Match"] = ask.ifMatch;
    if (ask.ifNoneMatch !== undefined) headers["If-None-Match"] = ask.ifNoneMatch;
    const response = await this.#sent(BASE + path, {
      method,
      headers,
      cache: "no-store",
      ...(ask.body === undefined ? {} : { body: JSON.stringify(ask.body) }),
      ...(ask.signal ? { signal: ask.signal } : {}),
    });
    if (response.status >= 400) throw await problemOf(response);
    const retryAfter = Number(response.headers.get("Retry-After") ?? "x");
    return {
      body: (response.status === 204 || response.status === 304 ? undefined : await bodyOf(response, ask.signal)) as T,
      status: response.status,
      etag: response.headers.get("ETag"),
      retryAfterS: Number.isFinite(retryAfter) ? retryAfter : null,
    };
  }

  async #sent(url: string, init: RequestInit): Promise<Response> {
    try {
      return await this.#fetch(url, init);
    } catch (error) {
      if (init.signal?.aborted) throw error;
      throw new ApiError("offline", "The service cannot be reached.");
    }
  }
}

function hex(bytes: number): string {
  const drawn = crypto.getRandomValues(new Uint8Array(bytes));
  return Array.from(drawn, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

async function bodyOf(response: Response, signal?: AbortSignal): Promise<unknown> {
  try {
    const text = await response.text();
    return text === "" ? undefined : JSON.parse(text);
  } catch (error) {
    if (signal?.aborted) throw error;
    if (error instanceof TypeError) throw new ApiError("offline", "The connection broke.");
    throw new ApiError("unreadable", "The answer cannot be read.", { status: response.status });
  }
}

/** Wait; an abort ends it with the signal's reason. */
export function pause(seconds: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) {
      reject(signal.reason);
      return;
    }
    const done = setTimeout(() => {
      signal?.removeEventListener("abort", stop);
      resolve();
    }, seconds * 1000);
    const stop = (): void => {
      clearTimeout(done);
      reject(signal?.reason);
    };
    signal?.addEventListener("abort", stop, { once: true });
  });
}
