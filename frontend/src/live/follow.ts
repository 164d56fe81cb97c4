/**
 * Following one job to its end: what is read from the service is the truth, what the socket says a reason to read.
 *
 * While the socket is open a job is read at a hint and once a minute; without it every 2 s, slowing down to 10 s while
 * nothing changes. A hidden page that has no socket reads nothing. One reading runs at a time; what calls for another
 * meanwhile leads to exactly one more.
 */
import type { Answer } from "../api/http.ts";
import type { ItemStatus, JobEvents, JobView } from "../api/types.ts";
import type { Clock } from "./clock.ts";
import { hasEnded } from "./states.ts";
import type { LiveSocket } from "./socket.ts";

const SURE_MS = 60_000;
const POLL_MS = 2_000;
const POLL_MS_MAX = 10_000;
const POLL_GROWTH = 1.4;
const EVENT_PAGES_MAX = 20;

export interface JobSource {
  job(id: string, etag?: string | null, signal?: AbortSignal): Promise<Answer<JobView | undefined>>;
  events(id: string, since: number, signal?: AbortSignal): Promise<JobEvents>;
}

export interface FollowNeeds {
  readonly source: JobSource;
  readonly socket: Pick<LiveSocket, "isOpen" | "listen">;
  readonly clock: Clock;
  readonly isHidden: () => boolean;
  /** The job as it is now. */
  readonly onJob: (job: JobView) => void;
  /** Items that changed; null says that some did of which nothing is said. */
  readonly onItems: (changed: ReadonlyMap<number, ItemStatus> | null) => void;
  /** What went wrong at the last reading, or null when it went well. */
  readonly onTrouble: (error: unknown) => void;
}

export class Follower {
  readonly #id: string;
  readonly #needs: FollowNeeds;
  readonly #abort = new AbortController();
  #etag: string | null = null;
  #seq = 0;
  #pollMs = POLL_MS;
  #isReading = false;
  #mustReadAgain = false;
  #isOver = false;
  #stopTimer: (() => void) | null = null;
  #stopListening: (() => void) | null = null;

  constructor(id: string, needs: FollowNeeds) {
    this.#id = id;
    this.#needs = needs;
  }

  start(): void {
    this.#stopListening = this.#needs.socket.listen(
      (hint) => {
        if (hint.job === this.#id && hint.seq > this.#seq) this.look();
      },
      () => this.look(),
    );
    this.look();
  }

  stop(): void {
    this.#abort.abort();
    this.#stopTimer?.();
    this.#stopListening?.();
    this.#stopListening = null;
  }

  /** Read now: at a hint, when the page is seen again, when the network is back, after a change of one's own. */
  look(): void {
    if (this.#abort.signal.aborted) return;
    if (this.#isReading) {
      this.#mustReadAgain = true;
      return;
    }
    this.#stopTimer?.();
    this.#stopTimer = null;
    void this.#read();
  }

  async #read(): Promise<void> {
    this.#isReading = true;
    this.#mustReadAgain = false;
    try {
      const isNews = await this.#readJob();
      this.#pollMs = isNews ? POLL_MS : Math.min(POLL_MS_MAX, this.#pollMs * POLL_GROWTH);
      await this.#readEvents();
      if (!this.#abort.signal.aborted) this.#needs.onTrouble(null);
    } catch (error) {
      this.#pollMs = POLL_MS_MAX;
      if (!this.#abort.signal.aborted) this.#needs.onTrouble(error);
    } finally {
      this.#isReading = false;
    }
    if (this.#abort.signal.aborted) return;
    if (this.#mustReadAgain) this.look();
    else this.#plan();
  }

  async #readJob(): Promise<boolean> {
    const answer = await this.#needs.source.job(this.#id, this.#etag, this.#abort.signal);
    if (answer.body === undefined) return false;
    this.#etag = answer.etag;
    this.#take(answer.body);
    return true;
  }

  async #readEvents(): Promise<void> {
    for (let page = 0; page < EVENT_PAGES_MAX; page++) {
      const since = this.#seq;
      const events = await this.#needs.source.events(this.#id, since, this.#abort.signal);
      if (!events.is_complete && since > 0) this.#needs.onItems(null);
      const changed = new Map<number, ItemStatus>();
      for (const event of events.items) {
        if (event.seq <= since) continue;
        if (event.items_truncated) this.#needs.onItems(null);
        for (const item of event.items) changed.set(item.index, item.status);
      }
      this.#seq = Math.max(this.#seq, events.next_since);
      if (changed.size > 0) this.#needs.onItems(changed);
      if (events.items.length === 0) return;
    }
  }

  /** It is over when nothing can change any more: the job has ended and so have its exports. */
  #take(job: JobView): void {
    const isOpen = (status: string): boolean => status === "waiting" || status === "making";
    this.#isOver = hasEnded(job.status) && !job.exports.some((one) => isOpen(one.status));
    this.#needs.onJob(job);
  }

  #plan(): void {
    if (this.#isOver) return;
    if (!this.#needs.socket.isOpen && this.#needs.isHidden()) return;
    const wait = this.#needs.socket.isOpen ? SURE_MS : this.#pollMs;
    this.#stopTimer = this.#needs.clock.after(wait, () => this.look());
  }
}
