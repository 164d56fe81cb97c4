import { expect, test } from "vitest";
import type { Api } from "../api/client.ts";
import { ApiError } from "../api/problem.ts";
import type { Segmentation } from "../api/types.ts";
import { encodeRle } from "../masks/rle.ts";
import { RemoteSegmenter } from "./remote.ts";
import type { Question } from "./segmenter.ts";

const size = { height_px: 4, width_px: 6 };
const rle = encodeRle(
  Uint8Array.from({ length: 24 }, (_, at) => (at % 6 < 3 ? 1 : 0)),
  size,
);
const found: Segmentation = { segmenter: "classic-1", candidates: [{ rle, score: 0.75 }], choices: ["2"], parts: [] };
const target = { dataset: "d", image: "i", size };
const click: Question = { prompt: { points: [{ x: 0.5, y: 0.5, positive: true }] }, urgency: "click", topK: 3 };

type Segment = Api["segment"];

function segmenter(segment: Segment): { remote: RemoteSegmenter; waits: number[] } {
  const waits: number[] = [];
  const sleep = (seconds: number): Promise<void> => {
    waits.push(seconds);
    return Promise.resolve();
  };
  return { remote: new RemoteSegmenter({ segment }, sleep), waits };
}

test("a click becomes one request, and its masks can be drawn and kept", async () => {
  const asked: unknown[] = [];
  const { remote } = segmenter((dataset, image, body) => {
    asked.push([dataset, image, body]);
    return Promise.resolve(found);
  });
  await remote.prepare(target);
  const answer = await remote.segment(click);
  expect(asked).toEqual([["d", "i", { prompt: click.prompt, choice: "best", top_k: 3 }]]);
  expect(answer?.segmenter).toBe("classic-1");
  expect(answer?.candidates[0]).toMatchObject({ score: 0.75, choice: "2" });
  expect(await answer?.candidates[0]?.rle()).toEqual(rle);
  expect([...(answer?.candidates[0]?.field.values.slice(0, 6) ?? [])]).toEqual([0.5, 0.5, 0.5, -0.5, -0.5, -0.5]);
});

test("a newer click stops the request before it", async () => {
  const signals: AbortSignal[] = [];
  const { remote } = segmenter((_dataset, _image, _body, signal) => {
    if (signal) signals.push(signal);
    if (signals.length === 2) return Promise.resolve(found);
    return new Promise((_, reject) => signal?.addEventListener("abort", () => reject(signal.reason)));
  });
  await remote.prepare(target);
  const first = remote.segment(click);
  const second = remote.segment(click);
  expect(await first).toBeNull();
  expect((await second)?.candidates).toHaveLength(1);
  expect(signals.map((signal) => signal.aborted)).toEqual([true, false]);
});

test("an answer about the image before is dropped", async () => {
  let finish: (answer: Segmentation) => void = () => undefined;
  const { remote } = segmenter(() => new Promise((resolve) => (finish = resolve)));
  await remote.prepare(target);
  const asked = remote.segment(click);
  await remote.prepare({ ...target, image: "j" });
  finish(found);
  expect(await asked).toBeNull();
});

test("a segmenter that is loading is waited for, any other refusal is told", async () => {
  const refusals = [
    new ApiError("model_unavailable", "loading", { status: 503, retryAfterS: 3 }),
    new ApiError("model_unavailable", "loading", { status: 503 }),
  ];
  const { remote, waits } = segmenter(() => {
    const refusal = refusals.shift();
    return refusal ? Promise.reject(refusal) : Promise.resolve(found);
  });
  await remote.prepare(target);
  expect((await remote.segment(click))?.candidates).toHaveLength(1);
  expect(waits).toEqual([3, 2]);
  refusals.push(new ApiError("quota_exceeded", "no more today", { status: 429 }));
  await expect(remote.segment(click)).rejects.toThrow("no more today");
});
