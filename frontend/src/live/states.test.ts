import { expect, test } from "vitest";
import type { Counts, JobView } from "../api/schema.ts";
import { endedIn, phaseOf, restOf } from "./states.ts";

const counts: Counts = {
  pending: 4,
  segmenting: 0,
  rendering: 1,
  done: 3,
  failed: 1,
  no_match: 1,
  skipped: 0,
  cancelled: 0,
};

test("a job that waits for the GPU or is being cancelled says so, one that has ended says that", () => {
  const job = { status: "running", waiting_for_gpu: true, cancel_requested: false } as const;
  expect(phaseOf(job)).toBe("waiting_for_gpu");
  expect(phaseOf({ ...job, cancel_requested: true })).toBe("cancelling");
  expect(phaseOf({ ...job, status: "partial", cancel_requested: true })).toBe("partial");
});

test("every state that does not change any more counts as ended", () => {
  expect(endedIn(counts)).toBe(5);
});

test("the rest is told by the pace so far, and by the estimate at the beginning", () => {
  const seconds = { total_s: 100, finishing_s: 2 };
  const job = { status: "running", items: counts, items_total: 10, cost: { estimate: { seconds } } } as JobView;
  expect(restOf(job, 30)).toBeCloseTo(32);
  expect(restOf({ ...job, items: { ...counts, done: 0, failed: 0, no_match: 0 } }, 30)).toBe(70);
  expect(restOf({ ...job, waiting_for_gpu: true }, 120)).toBe(0);
  expect(restOf({ ...job, status: "succeeded" }, 30)).toBe(null);
});
