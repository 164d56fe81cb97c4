import { expect, test } from "vitest";
import { ChosenSegmenter, type Standing } from "./choose.ts";
import { LocalFailure, type Trouble } from "./orders.ts";
import type { Answer, Question, Segmenter, Target } from "./segmenter.ts";

const target: Target = { dataset: "d", image: "one", size: { height_px: 1, width_px: 1 } };
const click: Question = { prompt: {}, urgency: "click" };
const hover: Question = { prompt: {}, urgency: "hover" };

interface Script {
  prepare?: () => Promise<void>;
  segment?: () => Promise<Answer | null>;
}

/** A segmenter that signs its answers. */
function fake(name: string, script: Script = {}): Segmenter & { asked: number } {
  return {
    asked: 0,
    pace: "move",
    prepare: script.prepare ?? (() => Promise.resolve()),
    segment(): Promise<Answer | null> {
      this.asked++;
      return script.segment?.() ?? Promise.resolve({ target, segmenter: name, candidates: [], elapsedMs: 1 });
    },
    abort: () => undefined,
    close: () => undefined,
  };
}

const fails = (trouble: Trouble) => () => Promise.reject(new LocalFailure(trouble, trouble));
const settle = (): Promise<void> => new Promise((resolve) => setTimeout(resolve));

function setUp(local: Segmenter | (() => Promise<Segmenter>)) {
  const remote = fake("service");
  const standings: Standing[] = [];
  let made = 0;
  const makeLocal = (): Promise<Segmenter> => {
    made++;
    return typeof local === "function" ? local() : Promise.resolve(local);
  };
  const chosen = new ChosenSegmenter(remote, makeLocal, (standing) => standings.push(standing));
  return { chosen, remote, standings, made: () => made };
}

test("the page answers where it can", async () => {
  const { chosen, remote, standings } = setUp(fake("page"));
  await chosen.prepare(target);
  await settle();
  expect(standings.map(({ where, why }) => [where, why])).toEqual([
    ["service", "getting_ready"],
    ["page", null],
  ]);
  expect((await chosen.segment(hover))?.segmenter).toBe("page");
  expect(chosen.pace).toBe("move");
  expect(remote.asked).toBe(0);
});

test("while the page makes itself ready the service answers clicks, and previews cost nothing", async () => {
  const { chosen, remote } = setUp(fake("page", { prepare: () => new Promise(() => undefined) }));
  await chosen.prepare(target);
  expect((await chosen.segment(click))?.segmenter).toBe("service");
  expect(await chosen.segment(hover)).toBeNull();
  expect(remote.asked).toBe(1);
  expect(chosen.pace).toBe("click");
});

test.each(["unusable_embedding", "unreachable"] as const)("after %s the next image is tried", async (trouble) => {
  let isFirst = true;
  const prepare = (): Promise<void> => {
    if (!isFirst) return Promise.resolve();
    isFirst = false;
    return fails(trouble)();
  };
  const { chosen } = setUp(fake("page", { prepare }));
  await chosen.prepare(target);
  await settle();
  expect(chosen.standing).toEqual({ where: "service", why: trouble, pace: "click" });
  expect((await chosen.segment(click))?.segmenter).toBe("service");
  await chosen.prepare({ ...target, image: "two" });
  await settle();
  expect(chosen.standing.where).toBe("page");
});

test.each(["no_embeddings", "no_decoder", "no_wasm"] as const)(
  "after %s the page is not tried again",
  async (trouble) => {
    let prepared = 0;
    const prepare = (): Promise<void> => {
      prepared++;
      return fails(trouble)();
    };
    const { chosen } = setUp(fake("page", { prepare }));
    for (const image of ["one", "two"]) {
      await chosen.prepare({ ...target, image });
      await settle();
    }
    expect(prepared).toBe(1);
    expect(chosen.standing.why).toBe(trouble);
  },
);

test("a service without embeddings is asked for one once, whatever is opened after that", async () => {
  const known = { hasEmbeddings: true };
  let prepared = 0;
  const prepare = (): Promise<void> => {
    prepared++;
    return fails("no_embeddings")();
  };
  for (const image of ["one", "two"]) {
    const page = fake("page", { prepare });
    const stage = new ChosenSegmenter(
      fake("service"),
      () => Promise.resolve(page),
      () => undefined,
      known,
    );
    await stage.prepare({ ...target, image });
    await settle();
    expect(stage.standing).toEqual({ where: "service", why: "no_embeddings", pace: "click" });
    expect((await stage.segment(click))?.segmenter).toBe("service");
  }
  expect(prepared).toBe(1);
});

test("a page that cannot load its decoder's code leaves it to the service", async () => {
  const { chosen } = setUp(() => Promise.reject(new TypeError("Failed to fetch dynamically imported module")));
  await chosen.prepare(target);
  await settle();
  expect(chosen.standing.why).toBe("no_wasm");
});

test("a page that fails while it answers hands the same question to the service", async () => {
  const { chosen, standings } = setUp(fake("page", { segment: fails("crashed") }));
  await chosen.prepare(target);
  await settle();
  expect((await chosen.segment(click))?.segmenter).toBe("service");
  expect(standings.at(-1)).toEqual({ where: "service", why: "crashed", pace: "click" });
});

test("what is late about an image that was left changes nothing", async () => {
  let fail: (error: Error) => void = () => undefined;
  let prepared = 0;
  const prepare = (): Promise<void> =>
    prepared++ === 0 ? new Promise((_, reject) => (fail = reject)) : Promise.resolve();
  const { chosen } = setUp(fake("page", { prepare }));
  await chosen.prepare(target);
  await settle();
  await chosen.prepare({ ...target, image: "two" });
  await settle();
  fail(new LocalFailure("crashed", "late"));
  await settle();
  expect(chosen.standing.where).toBe("page");
});
