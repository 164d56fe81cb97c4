import { expect, test } from "vitest";
import {
  Preview,
  PreviewFailed,
  type Ask,
  type FromWorker,
  type Port,
  type ToWorker,
  type Variants,
} from "./preview.ts";

/** A worker that keeps what it is sent, and answers when the test says so. */
class FakeWorker extends EventTarget implements Port {
  readonly sent: ToWorker[] = [];
  isTerminated = false;

  postMessage(message: ToWorker): void {
    this.sent.push(message);
  }

  terminate(): void {
    this.isTerminated = true;
  }

  get asked(): number[] {
    return this.sent.flatMap((message) => (message.kind === "render" ? [message.id] : []));
  }

  say(answer: FromWorker): void {
    this.dispatchEvent(new MessageEvent("message", { data: answer }));
  }
}

const ASK: Ask = { layers: [], composition: "separate", seed: 0n };
const BITMAP = {} as ImageBitmap;
const VARIANTS: Variants = [null];

function opened(): { worker: FakeWorker; preview: Preview } {
  const worker = new FakeWorker();
  return { worker, preview: new Preview(worker) };
}

test("the last of many requests is rendered, and those between are let go", async () => {
  const { worker, preview } = opened();
  const answers = [1, 2, 3, 4].map(() => preview.render(ASK));
  expect(worker.asked).toEqual([1]);
  worker.say({ id: 1, variants: VARIANTS });
  expect(worker.asked).toEqual([1, 2]);
  worker.say({ id: 2, variants: VARIANTS });
  expect(await Promise.all(answers)).toEqual([VARIANTS, null, null, VARIANTS]);
});

test("what was asked of the picture before is answered with nothing, even when it comes later", async () => {
  const { worker, preview } = opened();
  const before = preview.render(ASK);
  preview.setSource(BITMAP, { isGrey: false });
  const after = preview.render(ASK);
  worker.say({ id: 1, variants: [] });
  worker.say({ id: 2, variants: VARIANTS });
  expect(await before).toBeNull();
  expect(await after).toEqual(VARIANTS);
  expect(worker.sent.map((message) => message.kind)).toEqual(["start", "render", "source", "render"]);
});

test("a failure is that of its own request, and the next one goes on", async () => {
  const { worker, preview } = opened();
  const first = preview.render(ASK);
  const second = preview.render(ASK);
  worker.say({ id: 1, code: "missing_mask", detail: "t1" });
  worker.say({ id: 2, variants: VARIANTS });
  await expect(first).rejects.toMatchObject({ code: "missing_mask", message: "t1" });
  expect(await second).toEqual(VARIANTS);
});

test("a worker that breaks fails what waits for it", async () => {
  const { worker, preview } = opened();
  const answers = [preview.render(ASK), preview.render(ASK)];
  worker.dispatchEvent(new Event("error"));
  for (const answer of answers) await expect(answer).rejects.toBeInstanceOf(PreviewFailed);
});

test("closing lets go of what waits and ends the worker", async () => {
  const { worker, preview } = opened();
  const answers = [preview.render(ASK), preview.render(ASK)];
  preview.close();
  expect(await Promise.all(answers)).toEqual([null, null]);
  expect(worker.isTerminated).toBe(true);
});
