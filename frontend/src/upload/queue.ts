/**
 * Files into a dataset: hashed, announced, sent a few at a time, repeated where that may help, and followed until
 * ingest has looked at them. It knows no screen, and reaches everything else through its ports.
 */
import { ApiError } from "../api/problem.ts";
import type { ImageView, Upload } from "../api/types.ts";
import type { Picked } from "./files.ts";
import { isOpen, type Reason, type UploadFile } from "./file.ts";
import { Forms } from "./forms.ts";
import type { Held } from "./held.ts";
import type { Ports, QueueLimits } from "./ports.ts";

const HASHERS = 2; // each holds a whole file in memory
const STREAMS = 6;
const BATCH_BYTES_MAX = 64 * 1024 * 1024; // so that forms do not expire while files wait behind others
const PAUSES_S = [1, 2, 4, 8, 15, 15];
const FORMS_PER_FILE_MAX = 4;

export class UploadQueue {
  readonly #ports: Ports;
  readonly #limits: QueueLimits;
  readonly #held: Held;
  readonly #onChange: () => void;
  readonly #files = new Map<number, UploadFile>();
  readonly #blobs = new Map<number, Blob>();
  readonly #forms: Forms;
  readonly #firsts = new Map<string, number>();
  readonly #running = new Map<number, AbortController>();
  #waiting: number[] = [];
  #hashed: number[] = [];
  #announced: number[] = [];
  #hashing = 0;
  #isAnnouncing = false;
  #lastId = 0;

  constructor(ports: Ports, limits: QueueLimits, held: Held, onChange: () => void) {
    this.#ports = ports;
    this.#limits = limits;
    this.#held = held;
    this.#onChange = onChange;
    this.#forms = new Forms(ports.announce, () => ports.now());
  }

  get files(): UploadFile[] {
    return [...this.#files.values()];
  }

  add(picked: readonly Picked[]): void {
    for (const { file, name } of picked) {
      const id = ++this.#lastId;
      const base = { id, name, sizeBytes: file.size, sentBytes: 0, sha256: null, image: null, imageId: null };
      const reason = file.size === 0 ? "empty" : file.size > this.#limits.bytesMax ? "too_large" : null;
      this.#files.set(id, { ...base, state: reason ? "refused" : "waiting", reason });
      if (reason) continue;
      this.#blobs.set(id, file);
      this.#waiting.push(id);
    }
    this.#work();
  }

  cancel(ids: Iterable<number>): void {
    for (const id of ids) {
      const file = this.#files.get(id);
      if (!file || !isOpen(file)) continue;
      this.#set(id, { state: "cancelled", sentBytes: 0 });
      this.#running.get(id)?.abort(new DOMException("cancelled", "AbortError"));
      this.#blobs.delete(id);
      if (file.imageId) this.#remove(file.imageId);
    }
    this.#work();
  }

  /** Try again what failed; `only` the network's failures when the connection is back. */
  retry(only?: Reason): void {
    for (const file of this.#files.values()) {
      if (file.state !== "failed" || (only !== undefined && file.reason !== only)) continue;
      if (file.sha256 === null) this.#back(file.id, "waiting", this.#waiting);
      else if (this.#forms.isAwaited(file.id)) this.#back(file.id, "announced", this.#announced);
      else this.#again(file);
    }
    this.#work();
  }

  /** Ingest has looked at these, or still does. */
  settle(images: readonly ImageView[]): void {
    const byImage = new Map(images.map((image) => [image.image_id, image]));
    for (const file of this.#files.values()) {
      const image = file.imageId === null ? undefined : byImage.get(file.imageId);
      if (file.state !== "ingesting" || image === undefined || image.status === "expected") continue;
      const reason = image.refusal ? { said: image.refusal.message } : null;
      this.#set(file.id, { state: image.status === "ready" ? "done" : "refused", image, reason });
      this.#held.take(image);
    }
  }

  #back(id: number, state: UploadFile["state"], line: number[]): void {
    this.#set(id, { state, reason: null, sentBytes: 0 });
    line.push(id);
  }

  /** Announce a file anew; the image that it was to be never will. */
  #again(file: UploadFile): void {
    if (file.imageId) this.#remove(file.imageId);
    this.#back(file.id, "hashed", this.#hashed);
  }

  #work(): void {
    while (this.#hashing < HASHERS) {
      const id = this.#take(this.#waiting, "waiting");
      if (id === null) break;
      void this.#hash(id);
    }
    if (!this.#isAnnouncing && this.#hashed.length > 0 && this.#announced.length < STREAMS) void this.#announce();
    while (this.#running.size < STREAMS) {
      const id = this.#take(this.#announced, "announced");
      if (id === null) break;
      void this.#send(id);
    }
    this.#onChange();
  }

  /** The next of a line that is still where it stood. */
  #take(line: number[], state: UploadFile["state"]): number | null {
    for (let id = line.shift(); id !== undefined; id = line.shift()) {
      if (this.#files.get(id)?.state === state) return id;
    }
    return null;
  }

  async #hash(id: number): Promise<void> {
    this.#hashing++;
    try {
      const sha256 = await this.#ports.hash(this.#blobs.get(id) ?? new Blob());
      if (this.#files.get(id)?.state === "waiting") this.#sort(id, sha256);
    } catch (error) {
      this.#fail(id, error instanceof ApiError ? reasonOf(error) : "unreadable");
    }
    this.#hashing--;
    this.#work();
  }

  /** What the dataset holds, and what comes twice, is not sent. */
  #sort(id: number, sha256: string): void {
    const image = this.#held.find(sha256);
    const twin = this.#files.get(this.#firsts.get(sha256) ?? id);
    if (image?.refusal) this.#end(id, { state: "refused", sha256, image, reason: { said: image.refusal.message } });
    else if (image) this.#end(id, { state: "held", sha256, image });
    else if (twin && twin.id !== id && !isEnded(twin)) this.#end(id, { state: "held", sha256, reason: "twice" });
    else {
      this.#firsts.set(sha256, id);
      this.#set(id, { state: "hashed", sha256 });
      this.#hashed.push(id);
    }
  }

  async #announce(): Promise<void> {
    const ids = this.#nextBatch();
    if (ids.length === 0) return;
    this.#isAnnouncing = true;
    const key = this.#ports.newKey();
    try {
      await this.#ports.online();
      await this.#announceAs(key, ids);
      this.#announced.push(...ids);
    } catch (error) {
      this.#notAnnounced(ids, error);
    }
    this.#isAnnouncing = false;
    this.#work();
  }

  #nextBatch(): number[] {
    const ids: number[] = [];
    let bytes = 0;
    while (ids.length < this.#limits.perCallMax && bytes < BATCH_BYTES_MAX) {
      const id = this.#take(this.#hashed, "hashed");
      if (id === null) break;
      ids.push(id);
      bytes += this.#files.get(id)?.sizeBytes ?? 0;
    }
    return ids;
  }

  async #announceAs(key: string, ids: readonly number[]): Promise<void> {
    const uploads = new Map<number, Upload>();
    for (const id of ids) {
      const file = this.#files.get(id);
      if (file) uploads.set(id, { name: file.name, size_bytes: file.sizeBytes, sha256: file.sha256 ?? "" });
    }
    for (const [id, image] of await this.#forms.take(key, uploads)) {
      if (this.#files.get(id)?.state === "hashed") this.#set(id, { state: "announced", imageId: image });
      else this.#remove(image); // cancelled meanwhile
    }
  }

  /** A refusal that names files is theirs alone; the others go on. */
  #notAnnounced(ids: readonly number[], error: unknown): void {
    const fields = error instanceof ApiError ? error.fields : [];
    const said = new Map<number, string>();
    for (const field of fields) {
      const id = ids[Number(/^\/files\/(\d+)\//.exec(field.pointer)?.[1] ?? "-1")];
      if (id !== undefined) said.set(id, field.detail);
    }
    for (const id of ids) {
      const detail = said.get(id);
      if (this.#files.get(id)?.state !== "hashed") continue;
      if (detail !== undefined) this.#end(id, { state: "refused", reason: { said: detail } });
      else if (said.size > 0) this.#hashed.push(id);
      else this.#fail(id, reasonOf(error));
    }
  }

  async #send(id: number): Promise<void> {
    const stop = new AbortController();
    this.#running.set(id, stop);
    this.#set(id, { state: "sending", sentBytes: 0 });
    try {
      const outcome = await this.#posted(id, stop.signal);
      if (outcome === null) this.#stored(id);
      else this.#fail(id, outcome);
    } catch (error) {
      if (!stop.signal.aborted) this.#fail(id, reasonOf(error));
    }
    this.#running.delete(id);
    this.#work();
  }

  /** Post a file until the store has it: null, or the reason why it has not. */
  async #posted(id: number, signal: AbortSignal): Promise<Reason | null> {
    const blob = this.#blobs.get(id) ?? new Blob();
    for (let [breaks, forms] = [0, 0]; ;) {
      await this.#ports.online();
      signal.throwIfAborted();
      let ticket = this.#forms.of(id);
      if (ticket === null) {
        if (++forms > FORMS_PER_FILE_MAX) return "store";
        await this.#forms.renew(id);
        ticket = this.#forms.of(id);
        if (ticket === null) return "store";
      }
      const posted = await this.#ports.post(ticket, blob, (bytes) => this.#progress(id, bytes), signal);
      if (posted === "stored") return null;
      if (posted === "changed") return "changed";
      if (posted === "refused") return "store";
      if (posted === "expired") this.#forms.end(id, ticket);
      else {
        const wait = PAUSES_S[breaks++];
        if (wait === undefined) return "network";
        await this.#ports.pause(wait * (0.75 + Math.random() / 2), signal);
      }
      this.#progress(id, 0);
    }
  }

  #progress(id: number, bytes: number): void {
    if (this.#files.get(id)?.state !== "sending") return;
    this.#set(id, { sentBytes: bytes });
    this.#onChange();
  }

  /** It replaces what was announced with the same content before and never came. */
  #stored(id: number): void {
    const file = this.#files.get(id);
    if (file?.state !== "sending") return;
    this.#end(id, { state: "ingesting", sentBytes: file.sizeBytes });
    for (const earlier of this.#held.neverCame(file.sha256 ?? "")) {
      if (earlier === file.imageId) continue;
      this.#held.forget(earlier);
      this.#remove(earlier);
    }
  }

  /** What stays behind is swept by the service within the hour. */
  #remove(image: string): void {
    void this.#ports.remove(image).catch(() => undefined);
  }

  #fail(id: number, reason: Reason): void {
    const file = this.#files.get(id);
    if (file && isOpen(file)) this.#set(id, { state: "failed", reason, sentBytes: 0 });
  }

  #end(id: number, change: Partial<UploadFile>): void {
    this.#set(id, change);
    this.#blobs.delete(id);
  }

  #set(id: number, change: Partial<UploadFile>): void {
    const file = this.#files.get(id);
    if (file) this.#files.set(id, { ...file, ...change });
  }
}

function isEnded(file: UploadFile): boolean {
  return file.state === "cancelled" || file.state === "failed" || file.state === "refused";
}

function reasonOf(error: unknown): Reason {
  return error instanceof ApiError && error.code !== "offline" ? { said: error.message } : "network";
}
