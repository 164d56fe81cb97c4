// @vitest-environment jsdom
import { webcrypto } from "node:crypto";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { SignInConfig } from "../config.ts";
import { Session, type SessionState } from "./session.ts";

const HOME = "https://maskmill.test/";
const CONFIG: SignInConfig = {
  authorize_url: "https://sign-in.test/oauth2/authorize",
  token_url: "https://sign-in.test/oauth2/token",
  logout_url: null,
  client_id: "page",
  scope: "maskmill/api",
};
const USER_KEY = "oidc.user:https://sign-in.test:page";

/** What the token endpoint answers next, and what it was asked. */
let answers: (() => Promise<Response> | Response)[] = [];
let asked: URLSearchParams[] = [];
let states: SessionState[] = [];

beforeEach(() => {
  answers = [];
  asked = [];
  states = [];
  sessionStorage.clear();
  vi.stubGlobal("crypto", webcrypto);
  vi.stubGlobal("fetch", (_url: string, init: RequestInit) => {
    asked.push(new URLSearchParams(String(init.body)));
    const answer = answers.shift();
    return answer ? Promise.resolve().then(answer) : Promise.reject(new TypeError("no network"));
  });
});
afterEach(() => vi.unstubAllGlobals());

function tokens(access: string, expiresInS = 3600, refresh: string | null = "refresh-1"): Response {
  const body = { access_token: access, token_type: "Bearer", expires_in: expiresInS, refresh_token: refresh };
  return Response.json(refresh === null ? { ...body, refresh_token: undefined } : body);
}

function open(): Session {
  const told = states;
  return new Session(CONFIG, HOME, (state) => told.push(state));
}

/** A session that was signed in before, with a token that lives `leftS` longer. */
async function signedIn(leftS: number, refresh: string | null = "refresh-1"): Promise<Session> {
  const expires_at = Math.floor(Date.now() / 1000) + leftS;
  const user = { access_token: "a-1", token_type: "Bearer", expires_at, profile: {}, scope: CONFIG.scope };
  sessionStorage.setItem(USER_KEY, JSON.stringify(refresh === null ? user : { ...user, refresh_token: refresh }));
  const session = open();
  await session.start(new URL(HOME));
  return session;
}

const refusal = (): Response => Response.json({ error: "invalid_grant" }, { status: 400 });

test("nobody is signed in at first", async () => {
  const session = open();
  expect(await session.start(new URL(HOME))).toBeNull();
  expect(states).toEqual(["signed_out"]);
  await expect(session.token()).rejects.toMatchObject({ code: "signed_out" });
});

test("the way out carries a challenge, and the way back trades the code with its verifier and keeps the place", async () => {
  const left: string[] = [];
  const session = open();
  await session.start(new URL(HOME));
  const location = { href: HOME, origin: HOME.slice(0, -1), assign: (to: string) => left.push(to) };
  vi.stubGlobal("window", { self: { location }, location, addEventListener: () => undefined });
  void session.signIn("#/datasets/d1/templates/t1");
  await vi.waitFor(() => expect(left).toHaveLength(1));
  const out = new URL(left[0] ?? "");
  expect(out.origin + out.pathname).toBe(CONFIG.authorize_url);
  expect(out.searchParams.get("code_challenge_method")).toBe("S256");

  answers = [() => tokens("a-1")];
  const back = new URL(HOME);
  back.search = new URLSearchParams({ code: "c-1", state: out.searchParams.get("state") ?? "" }).toString();
  const again = open();
  expect(await again.start(back)).toBe("#/datasets/d1/templates/t1");
  expect(await again.token()).toBe("a-1");
  expect([asked[0]?.get("grant_type"), asked[0]?.get("code")]).toEqual(["authorization_code", "c-1"]);
  const digest = await webcrypto.subtle.digest(
    "SHA-256",
    new TextEncoder().encode(asked[0]?.get("code_verifier") ?? ""),
  );
  expect(out.searchParams.get("code_challenge")).toBe(Buffer.from(digest).toString("base64url"));
});

test("a return that this tab did not ask for is refused", async () => {
  await expect(open().start(new URL(`${HOME}?code=c&state=stranger`))).rejects.toThrow();
  expect(asked).toEqual([]);
});

test("a good token is used as it is", async () => {
  const session = await signedIn(600);
  expect(await session.token()).toBe("a-1");
  expect(asked).toEqual([]);
});

test("one renewal serves everybody who waits for it", async () => {
  const session = await signedIn(30);
  answers = [() => tokens("a-2")];
  const got = await Promise.all(Array.from({ length: 8 }, () => session.token()));
  expect(new Set(got)).toEqual(new Set(["a-2"]));
  expect(asked.map((body) => body.get("grant_type"))).toEqual(["refresh_token"]);
  expect(states).toEqual(["signed_in"]);
});

test("a token that was refused is renewed once, also when the refusals of older calls come later", async () => {
  const session = await signedIn(600);
  session.refused("a-1");
  answers = [() => tokens("a-2")];
  expect(await session.token()).toBe("a-2");
  session.refused("a-1");
  expect(await session.token()).toBe("a-2");
  expect(asked).toHaveLength(1);
});

test("a renewal that is refused ends the session, once", async () => {
  const session = await signedIn(30);
  answers = [refusal];
  const ends = await Promise.allSettled([session.token(), session.token(), session.token()]);
  expect(ends.map((end) => end.status)).toEqual(["rejected", "rejected", "rejected"]);
  expect([states, asked.length]).toEqual([["signed_in", "expired"], 1]);
  expect(sessionStorage.getItem(USER_KEY)).toBeNull();
});

test("without a refresh token the end of the token is the end of the session, and nothing is asked", async () => {
  const session = await signedIn(30, null);
  await expect(session.token()).rejects.toMatchObject({ code: "signed_out" });
  expect([states, asked]).toEqual([["signed_in", "expired"], []]);
});

test.each([
  ["the network", () => Promise.reject(new TypeError("no network"))],
  ["a busy sign-in service", () => new Response("<html>", { status: 503 })],
])("a renewal that fails because of %s leaves the session", async (_what, failing) => {
  const early = await signedIn(30);
  answers = [failing];
  expect(await early.token()).toBe("a-1");

  const late = await signedIn(-5);
  answers = [failing, () => tokens("a-2")];
  await expect(late.token()).rejects.toMatchObject({ code: "offline" });
  expect(await late.token()).toBe("a-2");
  expect(states).not.toContain("expired");
});

test("signing out in one tab signs out the other", async () => {
  const one = await signedIn(600);
  const other = await signedIn(600);
  await one.signOut();
  await vi.waitFor(() => expect(states.filter((state) => state === "signed_out")).toHaveLength(2));
  await expect(other.token()).rejects.toMatchObject({ code: "signed_out" });
});
