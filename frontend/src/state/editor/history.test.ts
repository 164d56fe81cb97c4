import { expect, test } from "vitest";
import { begun, redone, stepped, undone } from "./history.ts";

test("every step can be undone and done again", () => {
  const steps = Array.from({ length: 50 }, (_, at) => ({ at }));
  const [first = { at: -1 }, ...others] = steps;
  const all = others.reduce(stepped, begun(first));
  const back = others.reduce(undone, all);
  expect(back.present).toBe(first);
  expect(back.past).toHaveLength(0);
  expect(others.reduce(redone, back)).toEqual(all);
});

test("a new step forgets what was undone", () => {
  const history = stepped(undone(stepped(begun("a"), "b")), "c");
  expect(redone(history)).toBe(history);
  expect(undone(history).present).toBe("a");
});

test("nothing happens where there is nothing to undo, to do again or to change", () => {
  const history = begun("a");
  expect(undone(history)).toBe(history);
  expect(redone(history)).toBe(history);
  expect(stepped(history, "a")).toBe(history);
});

test("only the oldest of very many steps are forgotten", () => {
  let history = begun(0);
  for (let step = 1; step <= 1000; step++) history = stepped(history, step);
  expect(history.past).toHaveLength(200);
  expect(history.past.at(-1)).toBe(999);
});
