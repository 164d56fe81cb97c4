import { expect, test, vi } from "vitest";
import { Http, pause, type Tokens } from "./http.ts";

type Step = Response | Error;

/** A service that answers step by step, and what was asked of it. */
function http(steps: Step[], tokens: Tokens = { token: () => Promise.resolve("a"), refused: () => undefined }) {
  const asked: { url: string; init: RequestInit }[] = [];
  const slept: number[] = [];
  const fetcher = (url: string | URL | Request, init: RequestInit = {}): Promise<Response> => {
    asked.push({ url: String(url), init });
    const step = steps.shift() ?? new Error("asked too often");
    return step instanceof Error ? Promise.reject(step) : Promise.resolve(step);
  };
  const sleep = (seconds: number): Promise<void> => Promise.resolve(void slept.push(seconds));
  return { client: new Http(tokens, fetcher as typeof fetch, sleep), asked, slept };
}

const problem = (status: number, code: string, headers: Record<string, string> = {}): Response =>
  Response.json({ code, detail: "Words.", request_id: "r-1", errors: [] }, { status, headers });
const broken = (): Error => new TypeError("no network");

test("an answer is read with what its headers say", async () => {
  const { client, asked } = http([Response.json({ a: 1 }, { headers: { ETag: '"7"', "Retry-After": "3" } })]);
  const answer = await client.call("GET", "/jobs/j", { ifNoneMatch: '"6"' });
  expect(answer).toEqual({ body: { a: 1 }, status: 200, etag: '"7"', retryAfterS: 3 });
  expect(asked[0]?.url).toBe("/api/v1/jobs/j");
  expect(asked[0]?.init.headers).toMatchObject({ Authorization: "Bearer a", "If-None-Match": '"6"' });
});

test("all calls of a page are parts of one trace", async () => {
  const { client, asked } = http([Response.json(1), Response.json(1)]);
  await client.call("GET", "/x");
  await client.call("GET", "/y");
  const parents = asked.map(({ init }) => new Headers(init.headers).get("traceparent") ?? "");
  for (const parent of parents) expect(parent).toMatch(/^00-[0-9a-f]{32}-[0-9a-f]{16}-01$/);
  const [first, second] = parents.map((parent) => parent.split("-"));
  expect(first?.[1]).toBe(second?.[1]);
  expect(first?.[2]).not.toBe(second?.[2]);
});

test("an answer may have no body", async () => {
  const empty = [304, 204, 202].map((status) => new Response(null, { status }));
  const { client } = http(empty);
  expect(await client.call("GET", "/x")).toMatchObject({ body: undefined, status: 304 });
  expect(await client.call("DELETE", "/x")).toMatchObject({ body: undefined, status: 204 });
  expect(await client.call("DELETE", "/x")).toMatchObject({ body: undefined, status: 202 });
});

test("what may succeed later is asked again with growing pauses", async () => {
  const { client, slept } = http([broken(), problem(503, "unavailable"), problem(500, "x"), Response.json(1)]);
  await expect(client.call("GET", "/x")).rejects.toMatchObject({ code: "x", status: 500, requestId: "r-1" });
  expect(slept).toHaveLength(2);
  expect(slept[1]).toBeGreaterThan(slept[0] ?? 9);
});

test("a repeat never comes sooner than Retry-After", async () => {
  const { client, slept } = http([problem(429, "rate_limited", { "Retry-After": "20" }), Response.json(1)]);
  await client.call("GET", "/x");
  expect(slept).toEqual([20]);
});

test("it gives up in the end", async () => {
  const { client, asked } = http(Array.from({ length: 9 }, broken));
  await expect(client.call("GET", "/x")).rejects.toMatchObject({ code: "offline" });
  expect(asked).toHaveLength(5);
});

test("what makes something is repeated under a key only", async () => {
  const without = http([broken(), Response.json(1)]);
  await expect(without.client.call("POST", "/x", { body: {} })).rejects.toMatchObject({ code: "offline" });
  const withKey = http([broken(), Response.json(1, { status: 201 })]);
  await withKey.client.call("POST", "/x", { body: { a: 1 }, key: "k" });
  expect(withKey.asked.map((one) => new Headers(one.init.headers).get("Idempotency-Key"))).toEqual(["k", "k"]);
  expect(withKey.asked[1]?.init.body).toBe('{"a":1}');
});

test("a token that is refused is renewed once for a call, also one that makes something", async () => {
  const given = ["a-1", "a-2", "a-3"];
  const refused = vi.fn();
  const tokens = { token: () => Promise.resolve(given.shift() ?? ""), refused };
  const { client, asked } = http([problem(401, "unauthenticated"), Response.json(1)], tokens);
  await client.call("POST", "/x", { body: {} });
  expect(asked.map((one) => new Headers(one.init.headers).get("Authorization"))).toEqual(["Bearer a-1", "Bearer a-2"]);
  expect(refused.mock.calls).toEqual([["a-1"]]);

  const never = http([problem(401, "unauthenticated"), new Response(null, { status: 401 })]);
  await expect(never.client.call("GET", "/x")).rejects.toMatchObject({ code: "unauthenticated", status: 401 });
});

test("an abort ends a call and a pause at once", async () => {
  const stop = new AbortController();
  const aborted = new DOMException("stopped", "AbortError");
  const { client, asked } = http([aborted]);
  stop.abort(aborted);
  await expect(client.call("GET", "/x", { signal: stop.signal })).rejects.toBe(aborted);
  expect(asked).toHaveLength(1);

  const later = new AbortController();
  const waiting = pause(60, later.signal);
  later.abort(aborted);
  await expect(waiting).rejects.toBe(aborted);
  await expect(pause(60, later.signal)).rejects.toBe(aborted);
});

test("an answer that is cut off or no JSON is said as what it is", async () => {
  const cut = new Response(new ReadableStream({ start: (to) => to.error(new TypeError("cut")) }));
  const { client } = http([cut, Response.json(2)]);
  expect((await client.call("GET", "/x")).body).toBe(2);
  const { client: other } = http([new Response("<html>")]);
  await expect(other.call("GET", "/x")).rejects.toMatchObject({ code: "unreadable" });
});

test("the gateway's own refusals have a code too", async () => {
  const { client } = http([Response.json({ message: "Not Found" }, { status: 404 })]);
  await expect(client.call("GET", "/x")).rejects.toMatchObject({ code: "refused", status: 404, requestId: null });
});
