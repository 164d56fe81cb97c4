/** One job as its screen shows it: followed to its end, with its results as they come. */
import type {
  ExportFile,
  ExportFormat,
  ExportView,
  ItemStatus,
  ItemVariants,
  ItemView,
  JobView,
  TemplateView,
} from "../api/types.ts";
import { hasEnded } from "../live/states.ts";
import { app } from "./app.svelte.ts";
import { ResultPages, type Show } from "./job-results.ts";
import { live } from "./live.svelte.ts";
import { madeExport } from "./made-export.ts";

/** Between two readings of the results of a running job. */
const RESULTS_PAUSE_MS = 2_500;
/** What lists of items show; a list that is longer says so. */
const LISTED_MAX = 300;

export class JobState {
  readonly id: string;
  view = $state.raw<JobView | null>(null);
  error = $state.raw<unknown>(null);
  trouble = $state.raw<unknown>(null);
  resultsTrouble = $state.raw<unknown>(null);
  items = $state.raw<readonly ItemVariants[]>([]);
  isReadingResults = $state(false);
  hasMore = $state(true);
  templates = $state.raw<ReadonlyMap<string, TemplateView>>(new Map());
  show = $state.raw<Show>({ kind: "all" });
  /** The images in the state that is shown, once they are read; done ones show their pictures instead. */
  listed = $state.raw<{ status: ItemStatus; items: ItemView[] } | null>(null);
  readonly #pages: ResultPages;
  readonly #abort = new AbortController();
  #following: { look(): void; stop(): void } | null = null;
  #doneShown = -1;
  #laterRead: ReturnType<typeof setTimeout> | undefined;
  #reading: Promise<void> = Promise.resolve();
  #retryKey = crypto.randomUUID();

  constructor(id: string) {
    this.id = id;
    this.#pages = new ResultPages((cursor, signal) => app.api.variants(id, cursor, signal));
  }

  start(): void {
    this.#following = live.follow(this.id, {
      onJob: (job) => this.#take(job),
      onItems: () => this.#listAgain(),
      onTrouble: (error) => {
        if (this.view === null) this.error = error;
        else this.trouble = error;
      },
    });
  }

  stop(): void {
    this.#abort.abort();
    clearTimeout(this.#laterRead);
    this.#following?.stop();
  }

  look(): void {
    this.error = null;
    this.#following?.look();
  }

  async cancel(): Promise<void> {
    this.#take(await app.api.cancel(this.id));
    this.look();
  }

  /** A new job of what failed; a second click means the same job. */
  async retry(): Promise<JobView> {
    const made = await app.api.retry(this.id, this.#retryKey);
    this.look();
    return made;
  }

  async startExport(format: ExportFormat): Promise<ExportView> {
    const started = await app.api.startExport(this.id, format, crypto.randomUUID());
    this.look();
    return started;
  }

  /** The files of an export once it is made, asked for where it is not there; none where the reader leaves before. */
  async exportFiles(format: ExportFormat, onParts: (made: number) => void): Promise<readonly ExportFile[]> {
    const { signal } = this.#abort;
    const source = {
      start: () => this.startExport(format),
      read: () => app.api.export(this.id, format, signal),
    };
    const status = this.view?.exports.find((one) => one.format === format)?.status;
    try {
      return await madeExport(source, { status, signal, onParts });
    } catch (error) {
      if (signal.aborted) return [];
      throw error;
    } finally {
      this.look();
    }
  }

  async choose(show: Show): Promise<void> {
    this.show = show;
    this.listed = null;
    try {
      await this.#list();
    } catch (error) {
      if (this.#abort.signal.aborted) return; // the reader has left
      if (this.show === show) this.show = { kind: "all" };
      throw error;
    }
  }

  /** The images in the state that is shown, read now. */
  async #list(): Promise<void> {
    const { show } = this;
    if (show.kind !== "state" || show.state === "done") return;
    const items: ItemView[] = [];
    let cursor: string | null = null;
    do {
      const page = await app.api.items(this.id, { status: show.state, cursor }, this.#abort.signal);
      items.push(...page.items);
      cursor = page.next_cursor;
    } while (cursor !== null && items.length < LISTED_MAX);
    if (this.show === show) this.listed = { status: show.state, items: items.slice(0, LISTED_MAX) };
  }

  /** More results, when the reader comes near the end of those that were read. */
  async more(): Promise<void> {
    if (!this.isReadingResults && this.#pages.hasMore) await this.#readResults((signal) => this.#pages.more(signal));
  }

  #take(job: JobView): void {
    const isFirst = this.view === null;
    const hasJustEnded = hasEnded(job.status) && (this.view === null || !hasEnded(this.view.status));
    this.view = job;
    this.error = null;
    if (isFirst) void this.#readTemplates(job.dataset_id);
    if (job.items.done !== this.#doneShown) this.#readResultsSoon(job);
    if (hasEnded(job.status)) this.#listAgain();
    // Where there is nothing else to see, the reasons are what is looked for.
    if (hasJustEnded && this.show.kind === "all" && job.items.done === 0 && job.items.failed > 0)
      void this.choose({ kind: "state", state: "failed" }).catch(() => null);
  }

  #listAgain(): void {
    void this.#list().catch(() => null);
  }

  #readResultsSoon(job: JobView): void {
    const read = (): void => {
      clearTimeout(this.#laterRead);
      this.#laterRead = undefined;
      this.#doneShown = this.view?.items.done ?? 0;
      void this.#readResults((signal) => this.#pages.refresh(signal));
    };
    if (this.#doneShown < 0 || hasEnded(job.status)) read();
    else this.#laterRead ??= setTimeout(read, RESULTS_PAUSE_MS);
  }

  async #readResults(read: (signal: AbortSignal) => Promise<void>): Promise<void> {
    const before = this.#reading;
    let done = (): void => undefined;
    this.#reading = new Promise((resolve) => (done = resolve));
    this.isReadingResults = true;
    await before;
    try {
      await read(this.#abort.signal);
      this.items = this.#pages.items;
      this.hasMore = this.#pages.hasMore;
      this.resultsTrouble = null;
    } catch (error) {
      if (!this.#abort.signal.aborted) this.resultsTrouble = error;
    } finally {
      this.isReadingResults = false;
      done();
    }
  }

  async #readTemplates(dataset: string): Promise<void> {
    try {
      const page = await app.api.templates(dataset, null, this.#abort.signal);
      this.templates = new Map(page.items.map((template) => [template.template_id, template]));
    } catch {
      this.templates = new Map(); // names only: labels carry their own
    }
  }
}
