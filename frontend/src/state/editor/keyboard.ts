/** What the editor's keys do on a stage: the cursor, points and boxes without a pointer. It knows no element. */
import { boxBetween } from "../../geometry/pixels.ts";
import { imagePoint, type ImagePoint, type ScreenPoint, type UnitPoint } from "../../geometry/spaces.ts";
import { clamped } from "../../geometry/view.ts";
import type { Clicking } from "./clicking.svelte.ts";
import { hitPoint } from "./clicks.ts";
import { actionOf, arrowStep, type Action, type Stroke } from "./keys.ts";
import { ZOOM_STEP, type Looking } from "./looking.svelte.ts";

/** Actions that go on while their key is held. */
const REPEATED: readonly Action[] = ["move", "undo", "redo", "zoomIn", "zoomOut"];

export interface Place {
  readonly isOnStage: boolean;
  readonly isInField: boolean;
}

export class StageKeys {
  readonly #clicking: Clicking;
  readonly #looking: Looking;
  readonly #add: (at: UnitPoint, isPositive: boolean) => void;
  readonly #other: (action: Action) => void;

  /** `add` is told of points, and `other` of what is not the stage's own. */
  constructor(
    clicking: Clicking,
    looking: Looking,
    add: (at: UnitPoint, isPositive: boolean) => void,
    other: (action: Action) => void,
  ) {
    this.#clicking = clicking;
    this.#looking = looking;
    this.#add = add;
    this.#other = other;
  }

  /** Whether the key was meant for the editor. */
  press(stroke: Stroke & { readonly repeat: boolean }, { isOnStage, isInField }: Place): boolean {
    const action = actionOf(stroke, isOnStage, isInField);
    if (action === null || (action === "clear" && !this.#clicking.corner && this.#clicking.isEmpty)) return false;
    if (stroke.repeat && !REPEATED.includes(action)) return true;
    if (action === "candidate" && /^[123]$/.test(stroke.key)) this.#clicking.pick(Number(stroke.key) - 1);
    else if (action === "move") this.#move(stroke);
    else (this.#own[action] ?? (() => this.#other(action)))();
    return true;
  }

  readonly #own: Partial<Record<Action, () => void>> = {
    add: () => (this.#clicking.tool === "box" ? this.#setCorner() : this.#addAtCursor(true)),
    subtract: () => this.#addAtCursor(false),
    removePoint: () => this.#removeAtCursor(),
    box: () => (this.#clicking.tool = "box"),
    point: () => {
      this.#clicking.tool = "point";
      this.#clicking.corner = null;
    },
    candidate: () => this.#clicking.pickNext(),
    undo: () => this.#clicking.undo(),
    redo: () => this.#clicking.redo(),
    clear: () => (this.#clicking.corner ? (this.#clicking.corner = null) : this.#clicking.clear()),
    zoomIn: () => this.#looking.zoom(ZOOM_STEP, this.#focus()),
    zoomOut: () => this.#looking.zoom(1 / ZOOM_STEP, this.#focus()),
    fit: () => this.#looking.fit(),
    actual: () => this.#looking.actual(this.#focus()),
  };

  /** The cursor; it begins in the middle of the picture. */
  #cursor(): ImagePoint {
    const { width_px, height_px } = this.#looking.size;
    return (this.#clicking.cursor ??= imagePoint(width_px / 2, height_px / 2));
  }

  #move(stroke: Stroke): void {
    const step = arrowStep(stroke);
    const from = this.#cursor();
    if (!step) return;
    const to = clamped(imagePoint(from.x + step.dx, from.y + step.dy), this.#looking.size);
    this.#clicking.cursor = to;
    this.#looking.reveal(to);
    this.#clicking.hover(this.#looking.unitOf(to));
  }

  #addAtCursor(isPositive: boolean): void {
    this.#add(this.#looking.unitOf(this.#cursor()), isPositive);
  }

  #removeAtCursor(): void {
    const places = this.#clicking.marks.map((point) => this.#looking.screen(point));
    const hit = hitPoint(places, this.#looking.screenOf(this.#cursor()));
    if (hit !== null) this.#clicking.removePoint(hit);
  }

  /** First one corner, then the other. */
  #setCorner(): void {
    const at = this.#cursor();
    const { corner } = this.#clicking;
    this.#clicking.corner = corner === null ? at : null;
    const box = corner && boxBetween(corner, at, this.#looking.size);
    if (box) this.#clicking.setBox(box);
  }

  #focus(): ScreenPoint | undefined {
    return this.#clicking.cursor ? this.#looking.screenOf(this.#clicking.cursor) : undefined;
  }
}
