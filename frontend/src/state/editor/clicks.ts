/**
 * What the reader has said about one object in one picture: points, a box and which of the candidates; it asks nobody.
 *
 * Every change makes a new value, so that a history can keep them all.
 */
import type { MaskChoice, Point, Prompt } from "../../api/types.ts";
import type { ScreenPoint, UnitBox, UnitPoint } from "../../geometry/spaces.ts";
import { unitBox } from "../../geometry/spaces.ts";

export interface Clicks {
  readonly points: readonly Point[];
  readonly box: UnitBox | null;
  readonly choice: MaskChoice;
  /** A mask that came with the template, which the points only correct. */
  readonly previous: Prompt["previous"];
}

export const NO_CLICKS: Clicks = { points: [], box: null, choice: "best", previous: null };

/** As many as the service takes, until it says how many that is. */
export const POINTS_MAX = 64;
/** How near a click has to be to a point to mean it, in CSS pixels; the disc is a little smaller. */
export const HIT_PX = 14;

export function withPoint(clicks: Clicks, at: UnitPoint, isPositive: boolean, pointsMax = POINTS_MAX): Clicks {
  if (clicks.points.length >= pointsMax) return clicks;
  return { ...clicks, points: [...clicks.points, { x: at.x, y: at.y, positive: isPositive }] };
}

export function withoutPoint(clicks: Clicks, index: number): Clicks {
  if (clicks.points[index] === undefined) return clicks;
  return { ...clicks, points: clicks.points.filter((_, at) => at !== index) };
}

export function withPointAt(clicks: Clicks, index: number, at: UnitPoint): Clicks {
  if (clicks.points[index] === undefined) return clicks;
  return {
    ...clicks,
    points: clicks.points.map((point, here) => (here === index ? { ...point, x: at.x, y: at.y } : point)),
  };
}

export function withBox(clicks: Clicks, box: UnitBox | null): Clicks {
  return clicks.box === box ? clicks : { ...clicks, box };
}

export function withChoice(clicks: Clicks, choice: MaskChoice): Clicks {
  return clicks.choice === choice ? clicks : { ...clicks, choice };
}

export function isEmpty(clicks: Clicks): boolean {
  return clicks.points.length === 0 && clicks.box === null && clicks.previous === null;
}

/** The prompt that is asked with, or null while it would name no object. */
export function promptOf(clicks: Clicks): Prompt | null {
  const { box, previous } = clicks;
  if (box === null && previous === null && !clicks.points.some((point) => point.positive)) return null;
  return { points: clicks.points.map((point) => ({ ...point })), box: boxOf(box), previous };
}

export function clicksOf(prompt: Prompt | null, choice: MaskChoice): Clicks {
  if (prompt === null) return { ...NO_CLICKS, choice };
  const { box } = prompt;
  return {
    points: prompt.points.map((point) => ({ ...point })),
    box: box ? unitBox(box.left, box.top, box.right, box.bottom) : null,
    choice,
    previous: prompt.previous,
  };
}

/** The point that a click at `at` means: the nearest within reach, the later one of two; null for none. */
export function hitPoint(places: readonly ScreenPoint[], at: ScreenPoint, reachPx = HIT_PX): number | null {
  let hit: number | null = null;
  let nearest = reachPx;
  places.forEach((place, index) => {
    const distance = Math.hypot(place.x - at.x, place.y - at.y);
    if (distance > nearest) return;
    nearest = distance;
    hit = index;
  });
  return hit;
}

function boxOf(box: UnitBox | null): Prompt["box"] {
  return box === null ? null : { left: box.left, top: box.top, right: box.right, bottom: box.bottom };
}
