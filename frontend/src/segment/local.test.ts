import { afterEach, expect, test } from "vitest";
import { pause, type Answer as Answered } from "../api/http.ts";
import { ApiError } from "../api/problem.ts";
import type { EmbeddingView } from "../api/types.ts";
import { encodeRle } from "../masks/rle.ts";
import type { WorkerLike } from "./bridge.ts";
import { LocalSegmenter, threadsOf } from "./local.ts";
import type { Order, Report } from "./orders.ts";
import type { Question, Target } from "./segmenter.ts";

const size = { height_px: 8, width_px: 16 };
const target: Target = { dataset: "d", image: "one", size };
const click: Question = { prompt: { points: [{ x: 0.5, y: 0.5, positive: true }] }, urgency: "click" };
const view: EmbeddingView = {
  segmenter: "sam-1",
  url: "https://media.example/media/t/x",
  decoder_url: "/models/sam-1/decoder.onnx",
  frame_px: 16,
};
const mask = encodeRle(new Uint8Array(128).fill(1), size);

/** A worker that answers as told: with an answer, with a trouble, or by stopping altogether. */
class FakeWorker implements WorkerLike {
  readonly orders: Order[] = [];
  isTerminated = false;
  readonly #say: (order: Order) => Report | "stop" | "nothing";
  #onMessage: (event: MessageEvent<Report>) => void = () => undefined;
  #onError: (event: Event) => void = () => undefined;

  constructor(say: (order: Order) => Report | "stop" | "nothing" = good) {
    this.#say = say;
  }

  postMessage(order: Order): void {
    this.orders.push(order);
    queueMicrotask(() => {
      const said = this.#say(order);
      if (said === "stop") this.#onError(new Event("error"));
      else if (said !== "nothing") this.#onMessage({ data: said } as MessageEvent<Report>);
    });
  }

  terminate(): void {
    this.isTerminated = true;
  }

  addEventListener(type: string, listener: (event: never) => void): void {
    if (type === "message") this.#onMessage = listener as (event: MessageEvent<Report>) => void;
    if (type === "error") this.#onError = listener as (event: Event) => void;
  }
}

function good({ id, name }: Order): Report {
  const frame = { side_px: 16, low_px: 4 };
  switch (name) {
    case "load":
      return { id, answer: { answerMs: 90 } };
    case "use":
      return { id, answer: null };
    case "decode":
      return { id, answer: { frame, candidates: [{ score: 0.5, choice: "1", logits: new Float32Array(16).fill(1) }] } };
    case "draw":
      return { id, answer: mask };
  }
}

interface Setting {
  readonly workers?: FakeWorker[];
  readonly views?: (Partial<EmbeddingView> | ApiError)[];
  readonly status?: number;
}

function setUp({ workers = [new FakeWorker()], views = [], status = 200 }: Setting = {}) {
  const made: FakeWorker[] = [];
  const fetched: string[] = [];
  const waits: number[] = [];
  const segmenter = new LocalSegmenter({
    api: {
      embedding: (): Promise<Answered<EmbeddingView>> => {
        const next = views.shift() ?? {};
        if (next instanceof ApiError) return Promise.reject(next);
        return Promise.resolve({ body: { ...view, ...next }, status: 200, etag: null, retryAfterS: 4 });
      },
    },
    fetch: (input) => {
      fetched.push(input as string);
      return Promise.resolve(new Response(new Uint8Array(10), { status }));
    },
    sleep: (seconds, signal) => {
      waits.push(seconds);
      return pause(0, signal);
    },
    makeWorker: () => {
      const worker = workers.shift() ?? new FakeWorker();
      made.push(worker);
      return worker;
    },
    threads: 2,
  });
  opened.push(segmenter);
  return { segmenter, made, fetched, waits };
}

const opened: LocalSegmenter[] = [];
afterEach(() => {
  for (const segmenter of opened.splice(0)) segmenter.close();
});

const names = (worker: FakeWorker | undefined): string[] => worker?.orders.map(({ name }) => name) ?? [];

test("an image is prepared once, and its prompts are answered by the worker", async () => {
  const { segmenter, made, fetched } = setUp();
  await segmenter.prepare(target);
  const answer = await segmenter.segment(click);
  expect(answer?.segmenter).toBe("sam-1");
  expect(answer?.candidates[0]?.field).toMatchObject({ width: 4, height: 2, stepX: 4, stepY: 4 });
  expect(answer?.candidates[0]?.choice).toBe("1");
  expect(await answer?.candidates[0]?.rle()).toEqual(mask);
  expect(names(made[0])).toEqual(["load", "use", "decode", "draw"]);
  expect(fetched).toEqual(["/media/t/x"]);
  expect(segmenter.pace).toBe("move");
  await segmenter.prepare({ ...target, image: "two" });
  await segmenter.prepare(target);
  expect(fetched).toHaveLength(2);
  expect(made).toHaveLength(1);
});

test("embeddings of the images that were looked at last are kept, twenty-four of them", async () => {
  const { segmenter, fetched } = setUp();
  for (let image = 0; image < 25; image++) await segmenter.prepare({ ...target, image: `${image}` });
  expect(fetched).toHaveLength(25);
  await segmenter.prepare({ ...target, image: "1" });
  expect(fetched).toHaveLength(25);
  await segmenter.prepare({ ...target, image: "0" });
  expect(fetched).toHaveLength(26);
});

test("an embedding that is being made is waited for as long as the service says", async () => {
  const { segmenter, waits } = setUp({ views: [{ url: null }, { url: null }, {}] });
  await segmenter.prepare(target);
  expect(waits).toEqual([4, 4]);
});

test.each([
  ["no_embeddings", { views: [new ApiError("conflict", "keeps none", { status: 409 })] }],
  ["no_decoder", { views: [{ decoder_url: null, frame_px: null }] }],
  ["unusable_embedding", { status: 403 }],
  ["unreachable", { status: 503 }],
  ["unusable_embedding", { views: [{ decoder_url: "/models/sam-2/decoder.onnx" }] }],
  ["no_wasm", { workers: [new FakeWorker(() => "stop")] }],
  [
    "no_decoder",
    { workers: [new FakeWorker(({ id }) => ({ id, trouble: "no_decoder", detail: "answered with 404" }))] },
  ],
] as const)("says %s where the page cannot answer", async (trouble, setting) => {
  const { segmenter } = setUp(setting as unknown as Setting);
  await expect(segmenter.prepare(target)).rejects.toMatchObject({ name: "LocalFailure", trouble });
});

test("a decoder that could not be fetched is fetched again for the next image", async () => {
  const unreachable = new FakeWorker(({ id }) => ({ id, trouble: "unreachable", detail: "could not be fetched" }));
  const { segmenter, made } = setUp({ workers: [unreachable] });
  await expect(segmenter.prepare(target)).rejects.toMatchObject({ trouble: "unreachable" });
  await segmenter.prepare({ ...target, image: "two" });
  expect((await segmenter.segment(click))?.candidates).toHaveLength(1);
  expect(made).toHaveLength(2);
});

test("a mask that was shown can be kept after the worker has stopped", async () => {
  const { segmenter, made } = setUp({
    workers: [new FakeWorker((order) => (order.name === "draw" ? "stop" : good(order)))],
  });
  await segmenter.prepare(target);
  const answer = await segmenter.segment(click);
  expect(await answer?.candidates[0]?.rle()).toEqual(mask);
  expect(made[0]?.isTerminated).toBe(true);
});

test("a refusal that is about something else is told as it is", async () => {
  const { segmenter } = setUp({ views: [new ApiError("not_found", "no such image", { status: 404 })] });
  await expect(segmenter.prepare(target)).rejects.toThrow("no such image");
});

test("a decoder that crashes is started anew once, with the same prompt", async () => {
  const crashing = new FakeWorker((order) => (order.name === "decode" ? "stop" : good(order)));
  const { segmenter, made, fetched } = setUp({ workers: [crashing, new FakeWorker()] });
  await segmenter.prepare(target);
  expect((await segmenter.segment(click))?.candidates).toHaveLength(1);
  expect(crashing.isTerminated).toBe(true);
  expect(names(made[1])).toEqual(["load", "use", "decode"]);
  expect(made[1]?.orders[2]?.asked).toEqual(crashing.orders[2]?.asked);
  expect(fetched).toHaveLength(1);
});

test("a decoder that crashes again is given up", async () => {
  const crashing = () => new FakeWorker((order) => (order.name === "decode" ? "stop" : good(order)));
  const { segmenter, made } = setUp({ workers: [crashing(), crashing()] });
  await segmenter.prepare(target);
  await expect(segmenter.segment(click)).rejects.toMatchObject({ trouble: "crashed" });
  expect(made).toHaveLength(2);
});

test("an answer about the image before never arrives", async () => {
  const slow = new FakeWorker((order) => (order.name === "decode" ? "nothing" : good(order)));
  const { segmenter } = setUp({ workers: [slow] });
  await segmenter.prepare(target);
  const asked = segmenter.segment(click);
  await segmenter.prepare({ ...target, image: "two" });
  expect(await asked).toBeNull();
});

test("preparing another image gives the one before up", async () => {
  const { segmenter } = setUp({ views: [{ url: null }] });
  const first = segmenter.prepare(target);
  const second = segmenter.prepare({ ...target, image: "two" });
  await expect(first).rejects.toThrow("aborted");
  await second;
  expect((await segmenter.segment(click))?.target.image).toBe("two");
});

test("threads need an isolated page, and leave it a processor", () => {
  const scope = (crossOriginIsolated: boolean, hardwareConcurrency: number) => ({
    crossOriginIsolated,
    navigator: { hardwareConcurrency },
  });
  expect(threadsOf(scope(false, 8))).toBe(1);
  expect([1, 2, 4, 16].map((cores) => threadsOf(scope(true, cores)))).toEqual([1, 1, 3, 4]);
});
