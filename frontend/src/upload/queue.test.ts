import { expect, test, vi } from "vitest";
import { ApiError } from "../api/problem.ts";
import type { ImageView, Upload, UploadTicket } from "../api/types.ts";
import type { Picked } from "./files.ts";
import { summaryOf, type UploadFile } from "./file.ts";
import { Held } from "./held.ts";
import type { Posted } from "./post.ts";
import type { Ports } from "./ports.ts";
import { UploadQueue } from "./queue.ts";

/** A service and a store that behave unless told otherwise; a file's text is its content and its hash. */
class Cloud {
  now = 0;
  calls: { key: string; files: Upload[] }[] = [];
  posts: string[] = [];
  removed: string[] = [];
  most = { hashing: 0, posting: 0 };
  answer: (content: string, attempt: number, ticket: UploadTicket) => Posted | Promise<Posted> = () => "stored";
  refuse: ((files: Upload[]) => Error | null) | null = null;
  isOnline: Promise<void> = Promise.resolve();
  readonly images: ImageView[];
  readonly queue: UploadQueue;
  #hashing = 0;
  #posting = 0;
  #keys = 0;
  #byKey = new Map<string, string[]>();
  readonly ready: Promise<void>;

  constructor(images: ImageView[] = [], limits = { bytesMax: 100, perCallMax: 10 }) {
    this.images = images;
    const held = new Held(() => Promise.resolve({ items: this.images, next_cursor: null }));
    this.queue = new UploadQueue(this.#ports(), limits, held, () => undefined);
    this.ready = held.refresh();
  }

  #ports(): Ports {
    return {
      hash: async (file) => {
        this.most.hashing = Math.max(this.most.hashing, ++this.#hashing);
        const text = await file.text();
        this.#hashing--;
        if (text === "unreadable") throw new Error("gone");
        return text;
      },
      announce: (files, key) => {
        this.calls.push({ key, files });
        const refusal = this.refuse?.(files);
        if (refusal) return Promise.reject(refusal);
        const ids = this.#byKey.get(key) ?? files.map((file) => `image of ${file.sha256}#${this.#byKey.size}`);
        this.#byKey.set(key, ids);
        return Promise.resolve(
          files.map((file, at) => ({
            image_id: ids[at] ?? "",
            name: file.name,
            url: "",
            fields: { content: file.sha256 },
            expires_in_s: 900,
          })),
        );
      },
      post: async (ticket, file, onProgress, signal) => {
        this.most.posting = Math.max(this.most.posting, ++this.#posting);
        const content = await file.text();
        expect(ticket.fields["content"]).toBe(content);
        onProgress(Math.ceil(file.size / 2));
        const attempt = this.posts.filter((one) => one === content).length;
        this.posts.push(content);
        try {
          const posted = await this.answer(content, attempt, ticket);
          signal.throwIfAborted();
          return posted;
        } finally {
          this.#posting--;
        }
      },
      remove: (image) => Promise.resolve(void this.removed.push(image)),
      pause: (seconds) => Promise.resolve(void (this.now += seconds * 1000)),
      online: () => this.isOnline,
      now: () => this.now,
      newKey: () => `key-${++this.#keys}`,
    };
  }

  states(): Record<string, string> {
    return Object.fromEntries(this.queue.files.map((file) => [file.name, file.state]));
  }

  async quiet(): Promise<void> {
    await vi.waitFor(() => expect(summaryOf(this.queue.files).open).toBe(0));
  }
}

function picked(...contents: string[]): Picked[] {
  return contents.map((content) => ({ file: new File([content], content), name: `${content}.jpg` }));
}

function held(content: string, status: ImageView["status"], code?: string): ImageView {
  const refusal = code ? { code, message: `Words for ${code}.` } : null;
  return { image_id: `held ${content}`, sha256: content, status, refusal } as ImageView;
}

const stateOf = (cloud: Cloud, name: string): UploadFile | undefined =>
  cloud.queue.files.find((file) => file.name === `${name}.jpg`);

test("500 files are announced in bounded calls and sent six at a time", async () => {
  const cloud = new Cloud();
  cloud.answer = () => new Promise((resolve) => setTimeout(resolve, 5, "stored"));
  cloud.queue.add(picked(...Array.from({ length: 500 }, (_, at) => `photo ${at}`)));
  await cloud.quiet();
  expect(summaryOf(cloud.queue.files).counts.ingesting).toBe(500);
  expect(new Set(cloud.posts).size).toBe(500);
  expect(Math.max(...cloud.calls.map((call) => call.files.length))).toBeLessThanOrEqual(10);
  expect(new Set(cloud.calls.map((call) => call.key)).size).toBe(cloud.calls.length);
  expect(cloud.most).toEqual({ hashing: 2, posting: 6 });
});

test("what the service would refuse is said before anything is sent", async () => {
  const cloud = new Cloud();
  cloud.queue.add([...picked("x".repeat(101), "unreadable", "fine"), { file: new File([], "e"), name: "empty.jpg" }]);
  await cloud.quiet();
  expect(cloud.queue.files.map((file) => [file.state, file.reason])).toEqual([
    ["refused", "too_large"],
    ["failed", "unreadable"],
    ["ingesting", null],
    ["refused", "empty"],
  ]);
  expect(cloud.calls.flatMap((call) => call.files.map((file) => file.name))).toEqual(["fine.jpg"]);
});

test("what the dataset holds, what it refused for good and what comes twice is not sent", async () => {
  const cloud = new Cloud([held("a", "ready"), held("b", "refused", "corrupt_image")]);
  await cloud.ready;
  cloud.queue.add([...picked("a", "b", "c"), { file: new File(["c"], "c"), name: "copy of c.jpg" }]);
  await cloud.quiet();
  expect(cloud.states()).toEqual({
    "a.jpg": "held",
    "b.jpg": "refused",
    "c.jpg": "ingesting",
    "copy of c.jpg": "held",
  });
  expect(stateOf(cloud, "b")?.reason).toEqual({ said: "Words for corrupt_image." });
  expect(cloud.posts).toEqual(["c"]);
});

test("what was announced by a page that was closed is sent, and its empty place goes", async () => {
  const cloud = new Cloud([held("a", "expected"), held("b", "refused", "upload_missing"), held("z", "expected")]);
  await cloud.ready;
  cloud.queue.add(picked("a", "b"));
  await cloud.quiet();
  expect(cloud.states()).toEqual({ "a.jpg": "ingesting", "b.jpg": "ingesting" });
  expect(cloud.removed.sort()).toEqual(["held a", "held b"]);
});

test("a busy store is asked again, a broken one is given up, and both can be tried again", async () => {
  const cloud = new Cloud();
  let isBroken = true;
  cloud.answer = (content, attempt) =>
    (content === "b" && isBroken) || (content === "a" && attempt < 3) ? "broken" : "stored";
  cloud.queue.add(picked("a", "b", "c"));
  await cloud.quiet();
  expect(cloud.states()).toEqual({ "a.jpg": "ingesting", "b.jpg": "failed", "c.jpg": "ingesting" });
  expect(cloud.posts.filter((content) => content === "b")).toHaveLength(7);
  isBroken = false;
  const calls = cloud.calls.length;
  cloud.queue.retry("network");
  await cloud.quiet();
  expect([stateOf(cloud, "b")?.state, cloud.calls.length]).toEqual(["ingesting", calls]);
});

test("a file that changed or is refused by the store fails at once", async () => {
  const cloud = new Cloud();
  cloud.answer = (content) => (content === "a" ? "changed" : "refused");
  cloud.queue.add(picked("a", "b"));
  await cloud.quiet();
  expect(cloud.queue.files.map((file) => file.reason)).toEqual(["changed", "store"]);
  expect(cloud.posts).toHaveLength(2);
});

test("forms that ended are renewed under the same key, once for all files of a call", async () => {
  const cloud = new Cloud();
  const ended = new Set<UploadTicket>();
  cloud.answer = (_content, attempt, ticket) => {
    if (attempt > 0) return "stored";
    ended.add(ticket);
    return "expired";
  };
  cloud.queue.add(picked("a", "b", "c", "d", "e"));
  await cloud.quiet();
  expect(summaryOf(cloud.queue.files).counts.ingesting).toBe(5);
  const keys = new Set(cloud.calls.map((call) => call.key));
  expect(cloud.calls.length).toBeLessThanOrEqual(2 * keys.size);
  for (const key of keys) {
    const bodies = cloud.calls.filter((call) => call.key === key).map((call) => JSON.stringify(call.files));
    expect(new Set(bodies).size).toBe(1);
  }
});

test("forms that would end while a file waits are renewed before it is sent", async () => {
  const cloud = new Cloud();
  cloud.answer = (content, attempt, ticket) => {
    void ticket;
    if (content !== "a" || attempt > 0) return "stored";
    cloud.now += 16 * 60_000;
    return "broken";
  };
  cloud.queue.add(picked("a"));
  await cloud.quiet();
  expect([cloud.calls.length, cloud.calls[0]?.key, stateOf(cloud, "a")?.state]).toEqual([
    2,
    cloud.calls[1]?.key,
    "ingesting",
  ]);
});

test("a store that refuses every form is given up", async () => {
  const cloud = new Cloud();
  cloud.answer = () => "expired";
  cloud.queue.add(picked("a"));
  await cloud.quiet();
  expect([stateOf(cloud, "a")?.reason, cloud.calls.length <= 6]).toEqual(["store", true]);
});

test("a long time after it was announced a file is announced anew, and its empty place goes", async () => {
  const cloud = new Cloud();
  let isBroken = true;
  cloud.answer = () => (isBroken ? "broken" : "stored");
  cloud.queue.add(picked("a"));
  await cloud.quiet();
  const first = stateOf(cloud, "a")?.imageId;
  isBroken = false;
  cloud.now += 3 * 60 * 60_000;
  cloud.queue.retry();
  await cloud.quiet();
  expect(stateOf(cloud, "a")?.imageId).not.toBe(first);
  expect([cloud.removed, cloud.calls[1]?.key]).toEqual([[first], "key-2"]);
});

test("a refusal that names a file is that file's alone", async () => {
  const cloud = new Cloud();
  cloud.refuse = (files) => {
    const at = files.findIndex((file) => file.name === "bad.jpg");
    const fields = [{ pointer: `/files/${at}/name`, detail: "with control characters", where: "body" as const }];
    return at < 0 ? null : new ApiError("invalid_filename", "The file name.", { status: 422, fields });
  };
  cloud.queue.add(picked("a", "bad", "c", "d"));
  await cloud.quiet();
  expect(cloud.states()).toEqual({
    "a.jpg": "ingesting",
    "bad.jpg": "refused",
    "c.jpg": "ingesting",
    "d.jpg": "ingesting",
  });
  expect(stateOf(cloud, "bad")?.reason).toEqual({ said: "with control characters" });
});

test("a full quota is said in the service's words and can be tried again", async () => {
  const cloud = new Cloud();
  cloud.refuse = () => new ApiError("quota_exceeded", "A limit is reached.", { status: 429 });
  cloud.queue.add(picked("a", "b"));
  await cloud.quiet();
  expect(cloud.queue.files.map((file) => file.reason)).toEqual([
    { said: "A limit is reached." },
    { said: "A limit is reached." },
  ]);
  cloud.refuse = null;
  cloud.queue.retry();
  await cloud.quiet();
  expect(summaryOf(cloud.queue.files).counts.ingesting).toBe(2);
});

test("without a connection everything waits and then goes on", async () => {
  const cloud = new Cloud();
  let connect = (): void => undefined;
  cloud.isOnline = new Promise((resolve) => (connect = resolve));
  cloud.queue.add(picked("a", "b"));
  await vi.waitFor(() => expect(summaryOf(cloud.queue.files).counts.hashed).toBe(2));
  expect([cloud.calls, cloud.posts]).toEqual([[], []]);
  connect();
  await cloud.quiet();
  expect(summaryOf(cloud.queue.files).counts.ingesting).toBe(2);
});

test("what is cancelled stops, leaves no place in the dataset, and the others go on", async () => {
  const cloud = new Cloud();
  let goOn = (): void => undefined;
  const gate = new Promise<void>((resolve) => (goOn = resolve));
  cloud.answer = async (): Promise<Posted> => {
    await gate;
    return "stored";
  };
  cloud.queue.add(picked("a", "b"));
  await vi.waitFor(() => expect(summaryOf(cloud.queue.files).counts.sending).toBe(2));
  expect(summaryOf(cloud.queue.files)).toMatchObject({ totalBytes: 2, sentBytes: 2, open: 2 });
  const first = cloud.queue.files[0];
  cloud.queue.cancel([first?.id ?? 0]);
  goOn();
  await cloud.quiet();
  expect(cloud.states()).toEqual({ "a.jpg": "cancelled", "b.jpg": "ingesting" });
  expect(cloud.removed).toEqual([first?.imageId]);
});

test("ingest's word on a file ends it", async () => {
  const cloud = new Cloud();
  cloud.queue.add(picked("a", "b", "c"));
  await cloud.quiet();
  const settled = (name: string, status: ImageView["status"], code?: string): ImageView => ({
    ...held(name, status, code),
    image_id: stateOf(cloud, name)?.imageId ?? "",
  });
  cloud.queue.settle([settled("a", "ready"), settled("b", "refused", "too_small"), settled("c", "expected")]);
  expect(cloud.states()).toEqual({ "a.jpg": "done", "b.jpg": "refused", "c.jpg": "ingesting" });
  expect(stateOf(cloud, "b")?.reason).toEqual({ said: "Words for too_small." });
  cloud.queue.add([{ file: new File(["a"], "a"), name: "a again.jpg" }]);
  await cloud.quiet();
  expect(cloud.states()["a again.jpg"]).toBe("held");
});
