/**
 * What pointers on the stage mean: a click, a long press, a drag, two fingers; it knows no element and no picture.
 *
 * Mouse: left adds, right or Alt subtracts, the middle button or Space drags the view. Touch: a tap adds, a long press
 * subtracts, two fingers move and zoom. A drag draws a box with the box tool and moves the view otherwise.
 */
import { screenPoint, type ScreenPoint } from "../../geometry/spaces.ts";

export type Tool = "point" | "box";

export interface PointerStroke {
  readonly id: number;
  readonly at: ScreenPoint;
  readonly button: number;
  readonly isTouch: boolean;
  readonly isAlt: boolean;
  readonly isSpace: boolean;
}

export type Intent =
  | { readonly kind: "click"; readonly at: ScreenPoint; readonly isPositive: boolean }
  | { readonly kind: "pan"; readonly dx: number; readonly dy: number }
  | {
      readonly kind: "pinch";
      readonly at: ScreenPoint;
      readonly factor: number;
      readonly dx: number;
      readonly dy: number;
    }
  | { readonly kind: "box"; readonly from: ScreenPoint; readonly to: ScreenPoint; readonly isDone: boolean };

/** A pointer that moved less is a click, in CSS pixels; fingers are less steady. */
const STEADY_PX = 4;
const STEADY_TOUCH_PX = 10;
export const LONG_PRESS_MS = 500;

interface Held {
  readonly stroke: PointerStroke;
  readonly last: ScreenPoint;
  readonly hasMoved: boolean;
}

export class Gestures {
  tool: Tool = "point";
  readonly #held = new Map<number, Held>();
  #isSpent = false; // what is still held has had its effect; letting go does nothing more

  /** Whether a finger rests that may become a long press. */
  get isResting(): boolean {
    const [one, another] = this.#held.values();
    return one !== undefined && another === undefined && one.stroke.isTouch && !one.hasMoved && !this.#isSpent;
  }

  get isHeld(): boolean {
    return this.#held.size > 0;
  }

  down(stroke: PointerStroke): void {
    this.#isSpent = this.#held.size > 0;
    this.#held.set(stroke.id, { stroke, last: stroke.at, hasMoved: false });
  }

  move(id: number, at: ScreenPoint): Intent[] {
    const held = this.#held.get(id);
    if (held === undefined) return [];
    const { stroke, last } = held;
    const steady = stroke.isTouch ? STEADY_TOUCH_PX : STEADY_PX;
    const hasMoved = held.hasMoved || distance(stroke.at, at) > steady;
    this.#held.set(id, { stroke, last: hasMoved ? at : last, hasMoved });
    const other = [...this.#held].find(([otherId]) => otherId !== id)?.[1];
    if (other) return hasMoved ? [pinch(last, at, other.last)] : [];
    if (!hasMoved || this.#isSpent) return [];
    if (this.#draws(stroke)) return [{ kind: "box", from: stroke.at, to: at, isDone: false }];
    return [{ kind: "pan", dx: at.x - last.x, dy: at.y - last.y }];
  }

  up(id: number, at: ScreenPoint): Intent[] {
    const held = this.#held.get(id);
    if (held === undefined) return [];
    this.#held.delete(id);
    const { stroke, hasMoved } = held;
    if (this.#isSpent) {
      this.#isSpent = this.#held.size > 0;
      return [];
    }
    if (hasMoved) return this.#draws(stroke) ? [{ kind: "box", from: stroke.at, to: at, isDone: true }] : [];
    if (stroke.button === 1 || stroke.isSpace) return [];
    return [{ kind: "click", at: stroke.at, isPositive: stroke.button === 0 && !stroke.isAlt }];
  }

  /** The time of a long press is over. */
  longPress(): Intent[] {
    const [held] = this.#held.values();
    if (held === undefined || !this.isResting) return [];
    this.#isSpent = true;
    return [{ kind: "click", at: held.stroke.at, isPositive: false }];
  }

  cancel(id: number): void {
    this.#held.delete(id);
    this.#isSpent = this.#held.size > 0;
  }

  #draws(stroke: PointerStroke): boolean {
    return this.tool === "box" && stroke.button === 0 && !stroke.isSpace;
  }
}

/** One of two fingers went from `before` to `after`: the middle moves, and their distance is the scale. */
function pinch(before: ScreenPoint, after: ScreenPoint, other: ScreenPoint): Intent {
  const factor = distance(after, other) / Math.max(1, distance(before, other));
  const at = screenPoint((after.x + other.x) / 2, (after.y + other.y) / 2);
  return { kind: "pinch", at, factor, dx: (after.x - before.x) / 2, dy: (after.y - before.y) / 2 };
}

function distance(one: ScreenPoint, other: ScreenPoint): number {
  return Math.hypot(one.x - other.x, one.y - other.y);
}
