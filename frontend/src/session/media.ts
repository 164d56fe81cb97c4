/**
 * The media session: cookies that open the reader's pictures, asked for before the first is shown and renewed in time.
 *
 * Scripts cannot see the cookies; what is known here is how long they last. It knows no picture and no screen.
 */
export interface MediaRoutes {
  /** Set the cookies; how many seconds they last. */
  openMedia(): Promise<{ readonly expires_in_s: number }>;
  /** Take them back. */
  closeMedia(): Promise<unknown>;
}

const SPARE_MS = 5 * 60_000;
const RENEW_AFTER_MS = 10_000;
const CLOSING_MS = 3_000;

export class MediaSession {
  readonly #routes: MediaRoutes;
  readonly #now: () => number;
  #opening: Promise<void> | null = null;
  #openedAt = Number.NEGATIVE_INFINITY;
  #until = Number.NEGATIVE_INFINITY;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #isClosed = false;

  constructor(routes: MediaRoutes, now: () => number = Date.now) {
    this.#routes = routes;
    this.#now = now;
  }

  /** Resolves when pictures open, for some minutes at least; throws ApiError where no session is given. */
  async ready(): Promise<void> {
    if (this.#now() < this.#until - SPARE_MS) return;
    await this.#open();
  }

  /** The cookies open nothing, whatever is known of them here; asked for anew, but not over and over. */
  async again(): Promise<void> {
    if (this.#opening === null && this.#now() < this.#openedAt + RENEW_AFTER_MS) return;
    await this.#open();
  }

  /** Take the cookies back; who signs out does not wait long for it. */
  async close(): Promise<void> {
    this.#isClosed = true;
    clearTimeout(this.#timer);
    this.#until = Number.NEGATIVE_INFINITY;
    const closed = this.#routes.closeMedia().catch(() => undefined);
    await Promise.race([closed, new Promise((resolve) => setTimeout(resolve, CLOSING_MS))]);
  }

  /** One request for all who wait. */
  async #open(): Promise<void> {
    this.#opening ??= this.#asked().finally(() => {
      this.#opening = null;
    });
    await this.#opening;
  }

  async #asked(): Promise<void> {
    const { expires_in_s: lifeS } = await this.#routes.openMedia();
    if (this.#isClosed) return;
    this.#openedAt = this.#now();
    this.#until = this.#openedAt + lifeS * 1000;
    clearTimeout(this.#timer);
    // Pictures that come into sight later are asked for by the browser alone, without a call that would renew.
    this.#timer = setTimeout(() => void this.ready().catch(() => undefined), Math.max(lifeS * 1000 - SPARE_MS, 0));
  }
}

/**
 * Ask once more for pictures below a node that did not open, after the session was renewed: a machine that slept wakes
 * with cookies that have ended. Returns how to stop.
 */
export function healPictures(root: Document | HTMLElement, media: () => MediaSession | null): () => void {
  const tried = new WeakMap<HTMLImageElement, string>();
  const heal = async (picture: HTMLImageElement): Promise<void> => {
    const address = picture.getAttribute("src") ?? "";
    if (!address.startsWith("/media/") || tried.get(picture) === address) return;
    tried.set(picture, address);
    try {
      await media()?.again();
    } catch {
      return; // signed out, or offline: the page says so itself
    }
    if (picture.getAttribute("src") === address) picture.setAttribute("src", address);
  };
  const onError = (event: Event): void => {
    if (event.target instanceof HTMLImageElement) void heal(event.target);
  };
  const isCapture = true; // these events do not bubble
  root.addEventListener("error", onError, isCapture);
  return () => root.removeEventListener("error", onError, isCapture);
}
