import { expect, test } from "vitest";
import type { ImageView } from "../../api/types.ts";
import { unitBox, unitPoint } from "../../geometry/spaces.ts";
import type { Answering } from "./answering.ts";
import { Clicking } from "./clicking.svelte.ts";
import type { FoundMask, Question } from "./finding.ts";

const size = { height_px: 2, width_px: 2 };
const image = (id: string): ImageView => ({ image_id: id, name: id, normal: { size } }) as ImageView;
const mask = (counts: string, ...choices: FoundMask["choices"]): FoundMask => ({
  rle: { size, counts },
  score: 0.5,
  choices,
});

/** Questions wait here until the test answers them. */
function played() {
  const open: { question: Question; signal: AbortSignal; answer: (masks: readonly FoundMask[]) => Promise<void> }[] =
    [];
  const answering = {
    isRemote: true,
    prepare: () => undefined,
    known: () => null,
    close: () => undefined,
    preview: () => Promise.resolve(null),
    find: (question: Question, signal: AbortSignal) =>
      new Promise<readonly FoundMask[]>((resolve) => {
        const answer = async (masks: readonly FoundMask[]): Promise<void> => {
          resolve(masks);
          await Promise.resolve();
          await Promise.resolve();
        };
        open.push({ question, signal, answer });
      }),
  } as Partial<Answering> as Answering;
  let changes = 0;
  const clicking = new Clicking("d", { answering: () => answering, changed: () => void changes++ });
  clicking.show(image("a"));
  return { clicking, open, changes: () => changes };
}

test("only the answer to the newest clicks is shown", async () => {
  const { clicking, open } = played();
  clicking.add(unitPoint(0.2, 0.2), true);
  clicking.add(unitPoint(0.8, 0.8), false);
  expect(open.map((one) => one.signal.aborted)).toEqual([true, false]);
  await open[1]?.answer([mask("13", "best")]);
  await open[0]?.answer([mask("22", "best")]);
  expect(clicking.mask?.rle.counts).toBe("13");
  expect(clicking.asking).toBeNull();
});

test("a mask never appears on a picture that it was not found on", async () => {
  const { clicking, open } = played();
  clicking.add(unitPoint(0.2, 0.2), true);
  await open[0]?.answer([mask("13", "best")]);
  clicking.add(unitPoint(0.3, 0.3), true);
  clicking.show(image("b"));
  expect(clicking.mask).toBeNull();
  await open[1]?.answer([mask("22", "best")]);
  expect(clicking.mask).toBeNull();
  await open[2]?.answer([mask("31", "best")]);
  expect(clicking.mask?.rle.counts).toBe("31");
  expect(open[2]?.question.image).toBe("b");
});

test("undo asks for what was clicked before, and redo for what was undone", () => {
  const { clicking, open } = played();
  clicking.add(unitPoint(0.2, 0.2), true);
  clicking.setBox(unitBox(0, 0, 0.5, 0.5));
  clicking.undo();
  expect(open.at(-1)?.question.prompt.box).toBeNull();
  clicking.redo();
  expect(open.at(-1)?.question.prompt.box).not.toBeNull();
  clicking.clear();
  expect(clicking.isEmpty).toBe(true);
  expect(open).toHaveLength(4);
});

test("a wait that is stopped leaves no older mask, and the clicks stay", async () => {
  const { clicking, open } = played();
  clicking.add(unitPoint(0.2, 0.2), true);
  await open[0]?.answer([mask("13", "best")]);
  clicking.add(unitPoint(0.3, 0.3), true);
  clicking.cancel();
  expect(clicking.mask).toBeNull();
  expect(clicking.isStopped).toBe(true);
  clicking.ask();
  expect(open.at(-1)?.question.prompt.points).toHaveLength(2);
});

test("another candidate is kept by its name at once, without a question", async () => {
  const { clicking, open, changes } = played();
  clicking.add(unitPoint(0.2, 0.2), true);
  await open[0]?.answer([mask("13", "best", "0"), mask("22", "1"), mask("31", "2")]);
  clicking.pickNext();
  expect(clicking.mask?.rle.counts).toBe("22");
  expect(clicking.clicks.choice).toBe("1");
  clicking.pick(0);
  expect(clicking.clicks.choice).toBe("best");
  expect(open).toHaveLength(1);
  expect(changes()).toBe(3);
});

test("clicking on a picture that was selected whole makes it a matter of clicks again", async () => {
  const { clicking, open } = played();
  clicking.place("whole");
  expect(clicking.shown?.share).toBe(1);
  expect(open).toHaveLength(0);
  clicking.add(unitPoint(0.2, 0.2), true);
  expect(clicking.placement).toBe("fixed");
  expect(open).toHaveLength(1);
});
