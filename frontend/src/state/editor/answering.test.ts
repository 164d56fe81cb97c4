import { expect, test } from "vitest";
import type { Standing } from "../../segment/choose.ts";
import type { Answer, Question as Asked, Segmenter } from "../../segment/segmenter.ts";
import { fieldOfRle } from "../../masks/field.ts";
import { Answering } from "./answering.ts";
import { Finder, type Question } from "./finding.ts";

const size = { height_px: 2, width_px: 2 };
const RLES = ["13", "22", "04"].map((counts) => ({ size, counts }));
const question: Question = {
  dataset: "d",
  image: "i",
  prompt: { points: [{ x: 0.5, y: 0.5, positive: true }], box: null, previous: null },
  choice: "best",
  most: 3,
};

class Eye implements Segmenter {
  pace = "move" as const;
  standing: Standing = { where: "page", why: null, pace: "move" };
  asked: Asked[] = [];
  answers = true;

  prepare = (): Promise<void> => Promise.resolve();
  abort = (): void => undefined;
  close = (): void => undefined;

  segment(asked: Asked): Promise<Answer | null> {
    this.asked.push(asked);
    if (!this.answers) return Promise.resolve(null);
    const order = asked.choice === "1" ? [1, 0, 2] : asked.choice === "2" ? [2, 0, 1] : [0, 1, 2];
    const candidates = order.slice(0, asked.topK).map((at) => {
      const rle = RLES[at] ?? { size, counts: "4" };
      const choice = (["0", "1", "2"] as const)[at] ?? null;
      return { score: 0.9 - at / 10, choice, field: fieldOfRle(rle, 8), rle: () => Promise.resolve(rle) };
    });
    const target = { dataset: "d", image: "i", size };
    return Promise.resolve({ target, segmenter: "sam", candidates, elapsedMs: 1 });
  }
}

function made() {
  const remote: string[] = [];
  const finder = new Finder(async (asked) => {
    remote.push(asked.choice);
    return { candidates: [{ rle: { size, counts: "31" }, score: 0.5 }], choices: [null] };
  });
  const eye = new Eye();
  return { eye, remote, answering: new Answering(finder, eye) };
}

const { signal } = new AbortController();
const quiet = (): void => undefined;

test("a page that can answers clicks by itself, and its candidates have their names", async () => {
  const { answering, remote, eye } = made();
  const masks = await answering.find(question, signal, quiet);
  expect(masks.map((mask) => mask.rle.counts)).toEqual(["13", "22", "04"]);
  expect(masks.map((mask) => mask.choices)).toEqual([["best", "0"], ["1"], ["2"]]);
  expect(eye.asked).toMatchObject([{ urgency: "click", choice: "best", topK: 3 }]);
  expect(remote).toEqual([]);
});

test("a preview is a hover and does not draw the whole mask", async () => {
  const { answering, eye } = made();
  const shown = await answering.preview(question, signal);
  expect(shown?.share).toBe(0.75);
  expect(eye.asked).toMatchObject([{ urgency: "hover", topK: 1 }]);
  eye.answers = false;
  expect(await answering.preview(question, signal)).toBeNull();
});

test("a click that a newer one has overtaken ends as if it were aborted", async () => {
  const { answering, eye } = made();
  eye.answers = false;
  await expect(answering.find(question, signal, quiet)).rejects.toMatchObject({ name: "AbortError" });
});

test("a click on a new picture is not answered by what still knows the old one", async () => {
  const { answering, eye, remote } = made();
  eye.prepare = async () => {
    await Promise.resolve();
    eye.standing = { where: "service", why: "getting_ready", pace: "click" };
  };
  answering.prepare({ dataset: "d", image: "i", size });
  await answering.find({ ...question, most: 1 }, signal, quiet);
  expect(remote).toEqual(["best"]);
  expect(eye.asked).toEqual([]);
});

test("where the page cannot, the service is asked", async () => {
  const { answering, eye, remote } = made();
  eye.standing = { where: "service", why: "no_embeddings", pace: "click" };
  expect(await answering.find({ ...question, most: 1 }, signal, quiet)).toHaveLength(1);
  expect(remote).toEqual(["best"]);
  expect(eye.asked).toEqual([]);
});
