import { expect, test } from "vitest";
import { ApiError } from "../../api/problem.ts";
import type { Segmentation } from "../../api/types.ts";
import { asksService, Finder, type Question } from "./finding.ts";

const size = { height_px: 2, width_px: 2 };
const MASKS = [
  { rle: { size, counts: "04" }, score: 0.4 },
  { rle: { size, counts: "13" }, score: 0.9 },
  { rle: { size, counts: "22" }, score: 0.6 },
];
const NAMES = ["0", "1", "2"] as const;
const question: Question = {
  dataset: "d",
  image: "i",
  prompt: { points: [{ x: 0.5, y: 0.5, positive: true }], box: null, previous: null },
  choice: "best",
  most: 3,
};

/** A service that answers as the real one: the chosen candidate first, the others by score. */
function service(refusals: ApiError[] = [], { isNamed = true } = {}) {
  const asked: string[] = [];
  const segment = async (_dataset: string, _image: string, body: { choice?: unknown; top_k?: unknown }) => {
    asked.push(String(body.choice));
    const refusal = refusals.shift();
    if (refusal) throw refusal;
    const byScore = MASKS.toSorted((one, other) => other.score - one.score);
    const first = body.choice === "best" ? byScore[0] : MASKS[Number(body.choice)];
    const candidates = [...byScore.filter((mask) => mask === first), ...byScore.filter((mask) => mask !== first)];
    const wanted = candidates.slice(0, Number(body.top_k));
    const choices = wanted.map((mask) => (isNamed && wanted.length > 1 ? NAMES[MASKS.indexOf(mask)] : null));
    return { segmenter: "fake-1", candidates: wanted, choices, parts: [] } as Segmentation;
  };
  const waits: number[] = [];
  const finder = new Finder(
    asksService(() => ({ segment })),
    async (seconds) => void waits.push(seconds),
  );
  return { finder, asked, waits };
}

const signal = new AbortController().signal;

test("the same question is asked once", async () => {
  const { finder, asked } = service();
  const [best] = await finder.find(question, signal);
  expect(best?.score).toBe(0.9);
  expect((await finder.find(question, signal))[0]).toBe(best);
  expect(asked).toEqual(["best"]);
});

test("a segmenter that starts is waited for as long as it asks to be", async () => {
  const starting = new ApiError("model_unavailable", "", { status: 503, retryAfterS: 5 });
  const { finder, waits } = service([starting, new ApiError("offline", "")]);
  const codes: string[] = [];
  await finder.find(question, signal, (code) => codes.push(code));
  expect(codes).toEqual(["model_unavailable", "offline"]);
  expect(waits).toEqual([5, 2]);
});

test("what the service refuses for good is not asked again", async () => {
  for (const [code, status] of [
    ["need_positive_point", 422],
    ["model_failed", 502],
    ["model_timeout", 504],
  ] as const) {
    const { finder, asked } = service([new ApiError(code, "", { status })]);
    await expect(finder.find(question, signal)).rejects.toThrow(ApiError);
    expect(asked).toHaveLength(1);
  }
});

test("candidates come with the names under which a template gets them, and the order on the page stays", async () => {
  const { finder, asked } = service();
  const masks = await finder.find(question, signal);
  expect(masks.map((mask) => mask.score)).toEqual([0.9, 0.6, 0.4]);
  expect(masks.map((mask) => mask.choices)).toEqual([["best", "1"], ["2"], ["0"]]);
  for (const choice of NAMES) expect(finder.known({ ...question, choice })).toBe(masks);
  expect(asked).toEqual(["best"]);
});

test("the best one is asked for where another was chosen before, and nothing changes its place", async () => {
  const { finder, asked } = service();
  const masks = await finder.find({ ...question, choice: "0" }, signal);
  expect(masks.map((mask) => mask.choices)).toEqual([["0"], ["1"], ["2"]]);
  const named = await finder.find(question, signal);
  expect(named.map((mask) => mask.choices)).toEqual([["0"], ["1", "best"], ["2"]]);
  expect(asked).toEqual(["0", "best"]);
});

test("a candidate without a name is not offered: no template could keep it", async () => {
  const { finder } = service([], { isNamed: false });
  const masks = await finder.find(question, signal);
  expect(masks.map((mask) => mask.choices)).toEqual([["best"]]);
});

test("one candidate for a list does not stand for the three of the editor", async () => {
  const { finder, asked } = service();
  await finder.find({ ...question, most: 1 }, signal);
  expect(await finder.find(question, signal)).toHaveLength(3);
  expect(asked).toHaveLength(2);
});
