import { expect, test } from "vitest";
import { screenPoint } from "../../geometry/spaces.ts";
import { Gestures, type PointerStroke } from "./gestures.ts";

function stroke(x: number, y: number, more: Partial<PointerStroke> = {}): PointerStroke {
  return { id: 1, at: screenPoint(x, y), button: 0, isTouch: false, isAlt: false, isSpace: false, ...more };
}

function pressed(more: Partial<PointerStroke> = {}, tool: "point" | "box" = "point"): Gestures {
  const gestures = new Gestures();
  gestures.tool = tool;
  gestures.down(stroke(10, 10, more));
  return gestures;
}

test("left adds; right and Alt subtract", () => {
  expect(pressed().up(1, screenPoint(11, 10))).toEqual([{ kind: "click", at: screenPoint(10, 10), isPositive: true }]);
  expect(pressed({ button: 2 }).up(1, screenPoint(10, 10))).toMatchObject([{ isPositive: false }]);
  expect(pressed({ isAlt: true }).up(1, screenPoint(10, 10))).toMatchObject([{ isPositive: false }]);
});

test("a drag moves the view and is no click at its end", () => {
  const gestures = pressed();
  expect(gestures.move(1, screenPoint(12, 10))).toEqual([]);
  expect(gestures.move(1, screenPoint(30, 15))).toEqual([{ kind: "pan", dx: 20, dy: 5 }]);
  expect(gestures.move(1, screenPoint(31, 15))).toEqual([{ kind: "pan", dx: 1, dy: 0 }]);
  expect(gestures.up(1, screenPoint(31, 15))).toEqual([]);
});

test("a drag with the box tool draws a box, but not with Space or the middle button", () => {
  const box = pressed({}, "box");
  expect(box.move(1, screenPoint(40, 50))).toMatchObject([{ kind: "box", isDone: false }]);
  expect(box.up(1, screenPoint(60, 70))).toEqual([
    { kind: "box", from: screenPoint(10, 10), to: screenPoint(60, 70), isDone: true },
  ]);
  for (const more of [{ isSpace: true }, { button: 1 }]) {
    expect(pressed(more, "box").move(1, screenPoint(40, 50))).toMatchObject([{ kind: "pan" }]);
    expect(pressed(more, "box").up(1, screenPoint(10, 10))).toEqual([]);
  }
});

test("a long press subtracts once, and letting go adds nothing", () => {
  const gestures = pressed({ isTouch: true });
  expect(gestures.isResting).toBe(true);
  expect(gestures.longPress()).toMatchObject([{ kind: "click", isPositive: false }]);
  expect(gestures.longPress()).toEqual([]);
  expect(gestures.up(1, screenPoint(10, 10))).toEqual([]);
});

test("a finger that has moved is no long press", () => {
  const gestures = pressed({ isTouch: true });
  gestures.move(1, screenPoint(40, 10));
  expect(gestures.longPress()).toEqual([]);
});

test("two fingers zoom about their middle, and neither of them clicks", () => {
  const gestures = pressed({ isTouch: true });
  gestures.down(stroke(110, 10, { id: 2, isTouch: true }));
  const [pinch] = gestures.move(2, screenPoint(210, 10));
  expect(pinch).toEqual({ kind: "pinch", at: screenPoint(110, 10), factor: 2, dx: 50, dy: 0 });
  expect(gestures.up(2, screenPoint(210, 10))).toEqual([]);
  expect(gestures.move(1, screenPoint(60, 10))).toEqual([]);
  expect(gestures.up(1, screenPoint(60, 10))).toEqual([]);
  expect(gestures.isHeld).toBe(false);
});
