import { expect, test } from "vitest";
import { Latest } from "./latest.ts";
import type { Urgency } from "./segmenter.ts";

interface Ask {
  readonly name: string;
  readonly urgency: Urgency;
  readonly signal?: AbortSignal;
}

/** A `Latest` whose answers come when the test says so. */
function staged() {
  const runs: { name: string; signal: AbortSignal; finish: (answer: string) => void; fail: (error: Error) => void }[] =
    [];
  const latest = new Latest<Ask, string>(
    ({ name }, signal) =>
      new Promise((finish, fail) => {
        runs.push({ name, signal, finish, fail });
      }),
  );
  const ask = (name: string, urgency: Urgency = "click", signal?: AbortSignal) =>
    latest.ask({ name, urgency, ...(signal ? { signal } : {}) });
  const names = (): string[] => runs.map((run) => run.name);
  const finish = async (at: number, answer = `of ${names()[at]}`): Promise<void> => {
    runs[at]?.finish(answer);
    await Promise.resolve();
    await Promise.resolve();
  };
  return { latest, runs, ask, names, finish };
}

test("of two hundred moves at most one runs and one waits, and the last position wins", async () => {
  const { ask, names, finish } = staged();
  const answers = Array.from({ length: 200 }, (_, move) => ask(`move ${move}`, "hover"));
  expect(names()).toEqual(["move 0"]);
  await finish(0);
  expect(names()).toEqual(["move 0", "move 199"]);
  await finish(1);
  const found = await Promise.all(answers);
  expect(found[0]).toBe("of move 0");
  expect(found[199]).toBe("of move 199");
  expect(found.filter((answer) => answer === null)).toHaveLength(198);
});

test("a click makes the click before it pointless", async () => {
  const { ask, runs, finish } = staged();
  const [first, second] = [ask("one"), ask("two")];
  expect(await first).toBeNull();
  expect(runs[0]?.signal.aborted).toBe(true);
  await finish(0, "too late");
  await finish(1);
  expect(await second).toBe("of two");
});

test("a click goes before a hover that waits, and a hover never takes its place", async () => {
  const { ask, names, finish } = staged();
  const running = ask("running", "hover");
  const waiting = ask("waiting", "hover");
  const click = ask("click");
  const later = ask("later", "hover");
  expect(await Promise.all([running, waiting, later])).toEqual([null, null, null]);
  await finish(0);
  expect(names()).toEqual(["running", "click"]);
  await finish(1);
  expect(await click).toBe("of click");
});

test("a hover that follows a click waits and leaves the click its answer", async () => {
  const { ask, finish } = staged();
  const [click, hover] = [ask("click"), ask("hover", "hover")];
  await finish(0);
  await finish(1);
  expect(await Promise.all([click, hover])).toEqual(["of click", "of hover"]);
});

test("an abort rejects at once, running or waiting, and frees the way", async () => {
  const { ask, runs, names, finish } = staged();
  const [one, two] = [new AbortController(), new AbortController()];
  const running = ask("running", "hover", one.signal);
  const waiting = ask("waiting", "hover", two.signal);
  two.abort();
  await expect(waiting).rejects.toThrow("aborted");
  one.abort();
  await expect(running).rejects.toThrow("aborted");
  expect(runs[0]?.signal.aborted).toBe(true);
  await expect(ask("never", "click", one.signal)).rejects.toThrow("aborted");
  const next = ask("next");
  await finish(0);
  expect(names()).toEqual(["running", "next"]);
  await finish(1);
  expect(await next).toBe("of next");
});

test("a failure is told to who asked, and the next one runs", async () => {
  const { ask, runs, finish } = staged();
  const [bad, good] = [ask("bad"), ask("good", "hover")];
  runs[0]?.fail(new Error("broken"));
  await expect(bad).rejects.toThrow("broken");
  await finish(1);
  expect(await good).toBe("of good");
});

test("clearing answers everything with null", async () => {
  const { latest, ask, runs } = staged();
  const asked = [ask("one", "hover"), ask("two", "hover")];
  latest.clear();
  expect(await Promise.all(asked)).toEqual([null, null]);
  expect(runs.map((run) => run.name)).toEqual(["one"]);
});
