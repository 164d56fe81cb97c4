import { expect, test } from "vitest";
import type { JobView } from "../api/types.ts";
import { merged } from "./jobs.svelte.ts";

const job = (id: string, minute: number, status = "running"): JobView =>
  ({ job_id: id, created_at: `2026-11-21T12:${minute}:00Z`, status }) as JobView;

test("a list that is read again shows each job once, as it is now, the newest first", () => {
  const shown = merged([job("b", 11), job("a", 10)], [job("c", 12), job("b", 11, "succeeded")]);
  expect(shown.map(({ job_id, status }) => [job_id, status])).toEqual([
    ["c", "running"],
    ["b", "succeeded"],
    ["a", "running"],
  ]);
});
