import { expect, test } from "vitest";
import { unitPoint, type UnitPoint } from "../../geometry/spaces.ts";
import { Hovering, tierOf } from "./hovering.ts";

/** A port that is told when to answer and when time passes. */
function played(isRemote: boolean) {
  const asked: UnitPoint[] = [];
  const answers: (() => void)[] = [];
  let later: { call: () => void; ms: number } | null = null;
  let forgotten = 0;
  const hovering = new Hovering({
    ask: (at) => {
      asked.push(at);
      return new Promise((resolve) => answers.push(resolve));
    },
    forget: () => forgotten++,
    later: (call, ms) => {
      later = { call, ms };
      return () => (later = null);
    },
  });
  hovering.standAt(isRemote);
  forgotten = 0;
  return {
    hovering,
    asked,
    answer: async () => {
      answers.shift()?.();
      await Promise.resolve();
      await Promise.resolve();
    },
    rest: (): number => {
      const due = later;
      later = null;
      due?.call();
      return due?.ms ?? -1;
    },
    forgotten: () => forgotten,
  };
}

test("fast answers allow a question at every move, slow ones only clicks", () => {
  expect(tierOf([90, 80, 400], false)).toBe("move");
  expect(tierOf([90, 80, 70], true)).toBe("rest");
  expect(tierOf([300], false)).toBe("rest");
  expect(tierOf([2000, 2500, 90], true)).toBe("click");
  expect(tierOf([], true)).toBe("click");
});

test("many moves during one answer become one question, and the last place wins", async () => {
  const { hovering, asked, answer } = played(false);
  hovering.answered(50);
  for (let at = 0; at < 200; at++) hovering.moved(unitPoint(at / 200, 0.5));
  expect(asked).toHaveLength(1);
  await answer();
  expect(asked).toHaveLength(2);
  expect(asked[1]).toEqual(unitPoint(199 / 200, 0.5));
  await answer();
  expect(asked).toHaveLength(2);
});

test("over the network only a pointer that rests is a question", () => {
  const { hovering, asked, rest } = played(true);
  hovering.answered(200);
  hovering.moved(unitPoint(0.1, 0.1));
  hovering.moved(unitPoint(0.2, 0.2));
  expect(asked).toHaveLength(0);
  expect(rest()).toBe(250);
  expect(asked).toEqual([unitPoint(0.2, 0.2)]);
});

test("a pointer that leaves takes back what it was about to ask and what is shown", () => {
  const { hovering, asked, rest, forgotten } = played(true);
  hovering.answered(200);
  hovering.moved(unitPoint(0.1, 0.1));
  hovering.left();
  expect(rest()).toBe(-1);
  expect(asked).toHaveLength(0);
  expect(forgotten()).toBe(1);
});
