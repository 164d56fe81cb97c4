/** The list of jobs, newest first, read again when something happens to one of them. */
import type { JobView } from "../api/types.ts";
import { hasEnded } from "../live/states.ts";
import { app } from "./app.svelte.ts";
import { live, onReturn } from "./live.svelte.ts";

const SOON_MS = 1_500;
const POLL_MS = 10_000;
/** How many pages are looked through for the jobs of one dataset before the reader is asked. */
const PAGES_AT_ONCE = 4;

export class JobList {
  jobs = $state.raw<readonly JobView[] | null>(null);
  error = $state.raw<unknown>(null);
  cursor = $state.raw<string | null>(null);
  isLoading = $state(false);
  readonly #dataset: string | null;
  readonly #abort = new AbortController();
  #soon: ReturnType<typeof setTimeout> | undefined;
  #ends: (() => void)[] = [];

  constructor(dataset: string | null) {
    this.#dataset = dataset;
  }

  start(): void {
    void this.load();
    const timer = setInterval(() => {
      const isOpen = this.jobs?.some((job) => !hasEnded(job.status)) ?? false;
      if (!live.isOpen && !document.hidden && isOpen) void this.#refresh();
    }, POLL_MS);
    this.#ends = [
      () => clearInterval(timer),
      live.listen(() => {
        this.#soon ??= setTimeout(() => void this.#refresh(), SOON_MS);
      }),
      onReturn(() => void this.#refresh()),
    ];
  }

  stop(): void {
    this.#abort.abort();
    clearTimeout(this.#soon);
    for (const end of this.#ends) end();
  }

  async load(): Promise<void> {
    this.jobs = null;
    this.cursor = null;
    await this.more();
  }

  /** Older jobs; of one dataset, until some are found. */
  async more(): Promise<void> {
    this.isLoading = true;
    try {
      for (let page = 0; page < PAGES_AT_ONCE; page++) {
        const answer = await app.api.jobs(this.cursor, this.#abort.signal);
        const found = answer.items.filter((job) => this.#isWanted(job));
        this.jobs = merged(this.jobs ?? [], found);
        this.cursor = answer.next_cursor;
        if (found.length > 0 || this.cursor === null) break;
      }
      this.error = null;
    } catch (error) {
      if (!this.#abort.signal.aborted) this.error = error;
    } finally {
      this.isLoading = false;
    }
  }

  /** The newest page again; older ones do not change any more, or are read when somebody opens them. */
  async #refresh(): Promise<void> {
    clearTimeout(this.#soon);
    this.#soon = undefined;
    try {
      const answer = await app.api.jobs(null, this.#abort.signal);
      this.jobs = merged(
        this.jobs ?? [],
        answer.items.filter((job) => this.#isWanted(job)),
      );
    } catch {
      // The next hint or the next look tries again; what is shown stays.
    }
  }

  #isWanted(job: JobView): boolean {
    return this.#dataset === null || job.dataset_id === this.#dataset;
  }
}

/** Both lists, each job once and as `fresh` has it, newest first. */
export function merged(known: readonly JobView[], fresh: readonly JobView[]): JobView[] {
  const byId = new Map([...known, ...fresh].map((job) => [job.job_id, job]));
  return [...byId.values()].sort((a, b) => Date.parse(b.created_at) - Date.parse(a.created_at));
}
