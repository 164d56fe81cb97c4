/** What every screen shares: the session, the client, the limits, and messages to the reader. */
import { Api } from "../api/client.ts";
import { Http } from "../api/http.ts";
import { ApiError } from "../api/problem.ts";
import type { Limits } from "../api/types.ts";
import type { Config } from "../config.ts";
import { router } from "../router.svelte.ts";
import { healPictures, MediaSession } from "../session/media.ts";
import { Session, type SessionState } from "../session/session.ts";
import { clearDrafts } from "./draft.ts";

export interface Note {
  readonly id: number;
  readonly tone: "info" | "good" | "bad";
  readonly text: string;
}

const NOTE_LIFE_MS = 6000;
const NOTES_MAX = 4;

class App {
  config = $state<Config | null>(null);
  session = $state<SessionState>("unknown");
  isOnline = $state(true);
  limits = $state<Limits | null>(null);
  failure = $state<string | null>(null);
  notes = $state<Note[]>([]);
  #api: Api | null = null;
  #session: Session | null = null;
  #media: MediaSession | null = null;
  #lastNote = 0;
  #wasIn = false;

  /** The client of the signed-in reader. */
  get api(): Api {
    if (this.#api === null) throw new ApiError("signed_out", "Sign in to go on.");
    return this.#api;
  }

  async start(load: () => Promise<Config>): Promise<void> {
    this.isOnline = navigator.onLine;
    addEventListener("online", () => (this.isOnline = true));
    addEventListener("offline", () => (this.isOnline = false));
    try {
      this.config = await load();
    } catch {
      this.failure = "config";
      return;
    }
    const home = `${location.origin}/`;
    this.#session = new Session(this.config.sign_in, home, (state) => this.#take(state));
    this.#api = new Api(new Http(this.#session), (api) => (this.#media = new MediaSession(api)));
    healPictures(document, () => this.#media);
    const address = new URL(location.href);
    try {
      const place = await this.#session.start(address);
      if (address.searchParams.has("code")) {
        history.replaceState(null, "", `${home}${place ?? "#/"}`);
        router.arrive();
      }
    } catch {
      history.replaceState(null, "", `${home}#/`);
      this.session = "signed_out";
      this.failure = "sign_in";
    }
    if (this.session === "signed_in") await this.#loadLimits();
  }

  async signIn(): Promise<void> {
    this.failure = null;
    await this.#session?.signIn(location.hash || "#/");
  }

  async signOut(): Promise<void> {
    await this.#media?.close();
    await this.#session?.signOut();
  }

  /** Something of the reader's own did not open: its cookies may have ended while the machine slept. */
  async renewMedia(): Promise<void> {
    await this.#media?.again();
  }

  /** Who is signed in, where the sign-in said it. */
  get reader(): string | null {
    return this.session === "signed_in" ? (this.#session?.name ?? null) : null;
  }

  /** Say something in a corner; it goes by itself. */
  say(text: string, tone: Note["tone"] = "info"): void {
    const id = ++this.#lastNote;
    this.notes = [...this.notes.slice(1 - NOTES_MAX), { id, tone, text }];
    setTimeout(() => this.dismiss(id), NOTE_LIFE_MS);
  }

  dismiss(id: number): void {
    this.notes = this.notes.filter((note) => note.id !== id);
  }

  #take(state: SessionState): void {
    this.session = state;
    if (state === "signed_out" && this.#wasIn) clearDrafts();
    this.#wasIn ||= state === "signed_in";
  }

  async #loadLimits(): Promise<void> {
    try {
      this.limits = await this.api.limits();
    } catch {
      this.limits = null;
    }
  }
}

export const app = new App();

export function startApp(load: () => Promise<Config>): Promise<void> {
  return app.start(load);
}
