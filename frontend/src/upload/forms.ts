/** The signed forms of announced files: taken together, renewed together when they end; it posts nothing. */
import type { Upload, UploadTicket } from "../api/types.ts";

/** Tickets in the order of the files. */
export type Announce = (files: Upload[], key: string) => Promise<UploadTicket[]>;

/** Files that were announced in one call; the same call again gives new forms for the same images. */
interface Batch {
  readonly key: string;
  readonly files: ReadonlyMap<number, Upload>;
  readonly announcedAt: number;
  readonly tickets: ReadonlyMap<number, UploadTicket>;
  readonly endsAt: number;
}

const SPARE_MS = 5000;
const REANNOUNCE_AFTER_MS = 40 * 60_000; // the service gives up on a file an hour after it was announced

export class Forms {
  readonly #announce: Announce;
  readonly #now: () => number;
  readonly #batches = new Map<number, Batch>();
  readonly #renewals = new Map<string, Promise<unknown>>();

  constructor(announce: Announce, now: () => number) {
    this.#announce = announce;
    this.#now = now;
  }

  /** Announce files under a key: the image that each will be. */
  async take(key: string, files: ReadonlyMap<number, Upload>): Promise<Map<number, string>> {
    const askedAt = this.#now();
    const answered = await this.#announce([...files.values()], key);
    const tickets = new Map([...files.keys()].flatMap((id, at) => (answered[at] ? [[id, answered[at]]] : [])));
    const lifeS = Math.min(...answered.map((ticket) => ticket.expires_in_s));
    for (const id of files.keys()) {
      const announcedAt =
        this.#batches.get(id)?.key === key ? (this.#batches.get(id)?.announcedAt ?? askedAt) : askedAt;
      this.#batches.set(id, { key, files, announcedAt, tickets, endsAt: askedAt + lifeS * 1000 });
    }
    return new Map([...tickets].map(([id, ticket]) => [id, ticket.image_id]));
  }

  /** A form that the store will take now, or null. */
  of(id: number): UploadTicket | null {
    const batch = this.#batches.get(id);
    return batch && this.#now() < batch.endsAt - SPARE_MS ? (batch.tickets.get(id) ?? null) : null;
  }

  /** Whether the image of a file still waits for it. */
  isAwaited(id: number): boolean {
    const batch = this.#batches.get(id);
    return batch !== undefined && this.#now() - batch.announcedAt < REANNOUNCE_AFTER_MS;
  }

  /** The store took a form for ended: so have those that were made with it, unless they were renewed meanwhile. */
  end(id: number, ticket: UploadTicket): void {
    const batch = this.#batches.get(id);
    if (batch?.tickets.get(id) !== ticket) return;
    for (const one of batch.files.keys()) {
      if (this.#batches.get(one)?.tickets === batch.tickets) this.#batches.set(one, { ...batch, endsAt: 0 });
    }
  }

  /** New forms for the files of the same call, asked for once however many wait. */
  async renew(id: number): Promise<void> {
    const batch = this.#batches.get(id);
    if (!batch) return;
    let renewal = this.#renewals.get(batch.key);
    if (!renewal) {
      renewal = this.take(batch.key, batch.files).finally(() => this.#renewals.delete(batch.key));
      this.#renewals.set(batch.key, renewal);
    }
    await renewal;
  }
}
