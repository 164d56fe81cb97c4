/** What the editor's status line says: what it waits for, what was found, what can be done next. */
import { percent } from "../../format.ts";
import { words } from "../../words.ts";
import type { HoverTier } from "./hovering.ts";

export interface StatusFacts {
  /** Seconds that the answer has been waited for, and what keeps the segmenter, if anything does. */
  readonly asking: { readonly seconds: number; readonly waitsFor: string | null } | null;
  readonly found: { readonly share: number; readonly score: number; readonly isGiven: boolean } | null;
  /** The reader stopped waiting. */
  readonly isStopped: boolean;
  readonly hasClicks: boolean;
  readonly tool: "point" | "box";
  readonly hasCorner: boolean;
  readonly tier: HoverTier;
}

export function statusLine(facts: StatusFacts): string {
  const { status } = words.editor;
  if (facts.asking) return askingLine(facts.asking.seconds, facts.asking.waitsFor);
  if (facts.isStopped) return status.stopped;
  if (facts.hasCorner) return status.corner;
  if (facts.found) {
    const { share, score, isGiven } = facts.found;
    if (share === 0) return status.nothing;
    const much = share < 0.0005 ? status.tiny : percent(share);
    return isGiven ? status.given(much) : status.selected(much, score);
  }
  if (facts.hasClicks) return status.positive;
  if (facts.tool === "box") return status.askBox;
  return facts.tier === "click" ? `${status.ask} ${status.clickOnly}` : status.hover;
}

/** The line without the seconds, which would be read aloud one after the other. */
export function spokenLine(facts: StatusFacts): string {
  const { asking } = facts;
  return statusLine(
    asking ? { ...facts, asking: { ...asking, seconds: Math.floor(asking.seconds / 15) * 15 } } : facts,
  );
}

function askingLine(seconds: number, waitsFor: string | null): string {
  const { status } = words.editor;
  if (waitsFor === null) return status.asking(seconds);
  if (waitsFor === "offline") return status.offline(seconds);
  return waitsFor === "model_unavailable" ? status.starting(seconds) : status.busy(seconds);
}
