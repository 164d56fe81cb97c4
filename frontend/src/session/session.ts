/**
 * Who is signed in: OAuth's authorization code with PKCE, a renewal before the token ends, an honest end.
 *
 * The tokens live in the tab's session storage, so a reload keeps them and closing the tab forgets them.
 */
import { type User, UserManager, WebStorageStateStore } from "oidc-client-ts";
import { ApiError } from "../api/problem.ts";
import type { Tokens } from "../api/http.ts";
import type { SignInConfig } from "../config.ts";

const RENEW_BEFORE_S = 60;

export type SessionState = "unknown" | "signed_out" | "signed_in" | "expired";

export class Session implements Tokens {
  readonly #manager: UserManager;
  readonly #config: SignInConfig;
  readonly #home: string;
  readonly #onChange: (state: SessionState) => void;
  #user: User | null = null;
  #renewal: Promise<User | null> | null = null;
  #mustRenew = false;

  constructor(config: SignInConfig, home: string, onChange: (state: SessionState) => void) {
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
      userStore: new WebStorageStateStore({ store: sessionStorage }),
      stateStore: new WebStorageStateStore({ store: sessionStorage }),
    });
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
    if (this.#user?.expired && !this.#user.refresh_token) await this.#end();
    this.#onChange(this.#user ? "signed_in" : "signed_out");
    return place;
  }

  /** Leave for the sign-in pages; after it the page goes on at `place` (a hash). */
  async signIn(place: string): Promise<void> {
    await this.#manager.signinRedirect({ state: place });
  }

  async signOut(): Promise<void> {
    await this.#end();
    this.#onChange("signed_out");
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
    if (this.#mustRenew || left < RENEW_BEFORE_S) this.#user = await this.#renewed(left);
    if (this.#user === null) throw signedOut();
    return this.#user.access_token;
  }

  refused(): void {
    this.#mustRenew = true;
  }

  /** One renewal for all who wait. What fails on the network leaves a token that is still good as it is. */
  async #renewed(leftS: number): Promise<User | null> {
    this.#renewal ??= this.#manager.signinSilent().finally(() => {
      this.#renewal = null;
    });
    try {
      const user = this.#user?.refresh_token ? await this.#renewal : null;
      if (user === null) throw signedOut();
      this.#mustRenew = false;
      return user;
    } catch (error) {
      if (error instanceof TypeError) {
        if (leftS > 0 && !this.#mustRenew) return this.#user;
        throw new ApiError("offline", "The service cannot be reached.");
      }
      await this.#end();
      this.#onChange("expired");
      throw signedOut();
    }
  }

  async #end(): Promise<void> {
    this.#user = null;
    await this.#manager.removeUser();
  }
}

function signedOut(): ApiError {
  return new ApiError("signed_out", "Sign in to go on.", { status: 401 });
}
