/**
 * Who is signed in: OAuth's authorization code with PKCE, a renewal before the token ends, an honest end.
 *
 * The tokens live in the tab's session storage, so a reload keeps them and closing the tab forgets them.
 */
import { ErrorResponse, type User, UserManager, WebStorageStateStore } from "oidc-client-ts";
import { ApiError } from "../api/problem.ts";
import type { Tokens } from "../api/http.ts";
import type { SignInConfig } from "../config.ts";

const RENEW_BEFORE_S = 60;
const CHANNEL = "maskmill.session";

export type SessionState = "unknown" | "signed_out" | "signed_in" | "expired";

export class Session implements Tokens {
  readonly #manager: UserManager;
  readonly #config: SignInConfig;
  readonly #home: string;
  readonly #onChange: (state: SessionState) => void;
  /** Signing out in one tab signs out the others; each has its own tokens. */
  readonly #tabs = new BroadcastChannel(CHANNEL);
  #user: User | null = null;
  #renewal: Promise<User> | null = null;
  #refused: string | null = null;
  #state: SessionState = "unknown";

  constructor(
    config: SignInConfig,
    home: string,
    onChange: (state: SessionState) => void,
    store: Storage = globalThis.sessionStorage,
  ) {
    this.#config = config;
    this.#home = home;
    this.#onChange = onChange;
    this.#manager = new UserManager({
      authority: new URL(config.authorize_url, home).origin,
      metadata: {
        issuer: new URL(config.authorize_url, home).origin,
        authorization_endpoint: new URL(config.authorize_url, home).href,
        token_endpoint: new URL(config.token_url, home).href,
      },
      client_id: config.client_id,
      redirect_uri: home,
      response_type: "code",
      scope: config.scope,
      automaticSilentRenew: false,
      loadUserInfo: false,
      userStore: new WebStorageStateStore({ store }),
      stateStore: new WebStorageStateStore({ store }),
    });
    this.#tabs.addEventListener("message", () => void this.#leave());
  }

  /** The name or the address of who is signed in, where the sign-in said it. */
  get name(): string | null {
    const { name, email, preferred_username: user } = this.#user?.profile ?? {};
    return [name, email, user].find((one) => typeof one === "string" && one !== "") ?? null;
  }

  /** Take up a session, or the answer of the sign-in pages in the address; the place to go on at, if one was left. */
  async start(address: URL): Promise<string | null> {
    let place: string | null = null;
    if (address.searchParams.has("code") && address.searchParams.has("state")) {
      this.#user = await this.#manager.signinRedirectCallback(address.href);
      place = typeof this.#user.state === "string" ? this.#user.state : null;
    } else {
      this.#user = await this.#manager.getUser();
    }
    await this.#manager.clearStaleState();
    if (this.#user?.expired && !this.#user.refresh_token) await this.#forget();
    this.#become(this.#user ? "signed_in" : "signed_out");
    return place;
  }

  /** Leave for the sign-in pages; after it the page goes on at `place` (a hash). */
  async signIn(place: string): Promise<void> {
    await this.#manager.signinRedirect({ state: place });
  }

  async signOut(): Promise<void> {
    // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a channel reaches its own origin only
    this.#tabs.postMessage("signed_out");
    await this.#leave();
    if (this.#config.logout_url) {
      const out = new URL(this.#config.logout_url, this.#home);
      out.searchParams.set("client_id", this.#config.client_id);
      out.searchParams.set("logout_uri", this.#home);
      globalThis.location.assign(out.href);
    }
  }

  async token(): Promise<string> {
    if (this.#user === null) throw signedOut();
    const left = this.#user.expires_in ?? Number.POSITIVE_INFINITY;
    const isRefused = this.#user.access_token === this.#refused;
    if (!isRefused && left >= RENEW_BEFORE_S) return this.#user.access_token;
    return (await this.#renewed(left > 0 && !isRefused ? this.#user : null)).access_token;
  }

  /** A refusal of a token that was renewed meanwhile says nothing about the one there is now. */
  refused(token: string): void {
    this.#refused = token;
  }

  /** One renewal for all who wait. What fails on the way leaves the session, and `good`, a token that still works. */
  async #renewed(good: User | null): Promise<User> {
    this.#renewal ??= this.#renew().finally(() => {
      this.#renewal = null;
    });
    try {
      return await this.#renewal;
    } catch (error) {
      if (error instanceof ApiError && error.code === "signed_out") throw error;
      if (good !== null) return good;
      throw new ApiError("offline", "The sign-in service cannot be reached.");
    }
  }

  async #renew(): Promise<User> {
    const before = this.#user;
    let user: User | null = null;
    try {
      // Without a refresh token the library would try a hidden frame, which the page's policy forbids.
      if (before?.refresh_token) user = await this.#manager.signinSilent();
    } catch (error) {
      if (!(error instanceof ErrorResponse)) throw error;
    }
    if (this.#user !== before) throw signedOut(); // signed out meanwhile
    if (user === null) {
      await this.#forget();
      this.#become("expired");
      throw signedOut();
    }
    this.#user = user;
    return user;
  }

  async #leave(): Promise<void> {
    await this.#forget();
    this.#become("signed_out");
  }

  async #forget(): Promise<void> {
    this.#user = null;
    await this.#manager.removeUser();
  }

  #become(state: SessionState): void {
    if (state === this.#state) return;
    this.#state = state;
    this.#onChange(state);
  }
}

function signedOut(): ApiError {
  return new ApiError("signed_out", "Sign in to go on.", { status: 401 });
}
