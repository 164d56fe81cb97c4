/** What the states of jobs and items mean for the page; it says nothing in words. */
import type { Counts, ItemStatus, JobStatus, JobView } from "../api/types.ts";

export const ITEM_STATES = [
  "done",
  "rendering",
  "segmenting",
  "pending",
  "no_match",
  "skipped",
  "failed",
  "cancelled",
] as const satisfies readonly ItemStatus[];

/** What a reader sees a job do; `cancelling` and `waiting_for_gpu` are states beside the service's own. */
export type Phase = JobStatus | "waiting_for_gpu" | "cancelling";

export function hasEnded(status: JobStatus): boolean {
  return status === "succeeded" || status === "partial" || status === "failed" || status === "cancelled";
}

export function phaseOf(job: Pick<JobView, "status" | "cancel_requested" | "waiting_for_gpu">): Phase {
  if (hasEnded(job.status)) return job.status;
  if (job.cancel_requested) return "cancelling";
  return job.waiting_for_gpu ? "waiting_for_gpu" : job.status;
}

export function toneOf(phase: Phase): "plain" | "accent" | "good" | "warn" | "bad" {
  if (phase === "succeeded") return "good";
  if (phase === "partial" || phase === "waiting_for_gpu") return "warn";
  if (phase === "failed") return "bad";
  return phase === "cancelled" || phase === "accepted" ? "plain" : "accent";
}

/** How many items have come to an end, whichever. */
export function endedIn(counts: Counts): number {
  return counts.done + counts.failed + counts.no_match + counts.skipped + counts.cancelled;
}

/**
 * How long a job will still take, in seconds, or null where nothing can be said.
 *
 * What was done so far says more than the estimate, once a tenth is done; before that the estimate has the word.
 */
export function restOf(job: JobView, elapsedS: number): number | null {
  if (hasEnded(job.status) || job.items_total === 0) return null;
  const share = endedIn(job.items) / job.items_total;
  const expected = job.cost.estimate?.seconds;
  if (job.waiting_for_gpu || share < 0.1) return expected ? Math.max(0, expected.total_s - elapsedS) : null;
  return (elapsedS / share) * (1 - share) + (expected?.finishing_s ?? 0);
}
