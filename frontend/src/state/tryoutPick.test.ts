import { expect, test } from "vitest";
import { doubtOf, inTurn, spread } from "./tryoutPick.ts";

const many = Array.from({ length: 200 }, (_, at) => at);

test("few images are all tried", () => {
  expect(spread([1, 2, 3], 0)).toEqual([1, 2, 3]);
});

test("images are taken from all over the set", () => {
  const picked = spread(many, 0);
  expect(picked).toHaveLength(8);
  picked.forEach((image, at) => expect(Math.floor(image / 25)).toBe(at));
});

test("other rounds take other images until all were taken", () => {
  const seen = new Set(Array.from({ length: 25 }, (_, round) => spread(many, round)).flat());
  expect(seen.size).toBe(200);
  expect(spread(many, 25)).toEqual(spread(many, 0));
  const odd = Array.from({ length: 19 }, (_, at) => at);
  expect(new Set(Array.from({ length: 3 }, (_, round) => spread(odd, round)).flat()).size).toBe(19);
});

test("no more than three run at once, and an abort starts no further one", async () => {
  let running = 0;
  let most = 0;
  const done: number[] = [];
  const stop = new AbortController();
  const work = async (item: number): Promise<void> => {
    most = Math.max(most, ++running);
    await new Promise((resolve) => setTimeout(resolve, 1));
    running--;
    done.push(item);
    if (done.length === 5) stop.abort();
  };
  await inTurn(many, work, stop.signal);
  expect(most).toBe(3);
  expect(done.length).toBeLessThanOrEqual(8);
});

test("an empty mask and a low score are doubtful", () => {
  expect(doubtOf(0, 0.9)).toBe("empty");
  expect(doubtOf(0.1, 0.3)).toBe("low_score");
  expect(doubtOf(0.1, 0.8)).toBeNull();
});
