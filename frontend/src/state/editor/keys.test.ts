import { expect, test } from "vitest";
import { actionOf, arrowStep, BINDINGS, keyName, shortcuts, type Stroke } from "./keys.ts";

function stroke(key: string, more: Partial<Stroke> = {}): Stroke {
  const code = /^\d$/.test(key) ? `Digit${key}` : "";
  return { key, code, ctrlKey: false, metaKey: false, shiftKey: false, altKey: false, ...more };
}

test("a letter is an action on the stage and a letter everywhere else", () => {
  expect(actionOf(stroke("s"), true, false)).toBe("subtract");
  expect(actionOf(stroke("s"), false, true)).toBeNull();
  expect(actionOf(stroke("s"), false, false)).toBeNull();
});

test("undo works beside the stage but not inside a field, which has its own", () => {
  const undo = stroke("z", { ctrlKey: true });
  expect(actionOf(undo, true, false)).toBe("undo");
  expect(actionOf(undo, false, false)).toBe("undo");
  expect(actionOf(undo, false, true)).toBeNull();
  expect(actionOf(stroke("Backspace"), false, false)).toBeNull();
  expect(actionOf(stroke("Z", { metaKey: true, shiftKey: true }), true, false)).toBe("redo");
});

test("saving works from a field, too", () => {
  expect(actionOf(stroke("Enter", { ctrlKey: true }), false, true)).toBe("save");
  expect(actionOf(stroke("Enter"), true, false)).toBe("add");
});

test("signs count however a keyboard makes them", () => {
  expect(actionOf(stroke("?", { shiftKey: true }), false, false)).toBe("keys");
  expect(actionOf(stroke("+", { shiftKey: true }), true, false)).toBe("zoomIn");
  expect(actionOf(stroke("+"), true, false)).toBe("zoomIn");
  expect(actionOf({ ...stroke(")", { shiftKey: true }), code: "Digit0" }, true, false)).toBe("actual");
  expect(actionOf(stroke("0"), true, false)).toBe("fit");
});

test("arrows move by 10 pixels, with Shift by 50 and with Alt by one; with Control they change the picture", () => {
  expect(arrowStep(stroke("ArrowLeft"))).toEqual({ dx: -10, dy: 0 });
  expect(arrowStep(stroke("ArrowDown", { shiftKey: true }))).toEqual({ dx: 0, dy: 50 });
  expect(arrowStep(stroke("ArrowUp", { altKey: true }))).toEqual({ dx: 0, dy: -1 });
  expect(actionOf(stroke("ArrowUp", { altKey: true }), true, false)).toBe("move");
  expect(actionOf(stroke("ArrowRight", { ctrlKey: true }), true, false)).toBe("next");
});

test("no key stands for two actions, and each can be read aloud", () => {
  const all = BINDINGS.flatMap((binding) => binding.keys);
  expect(new Set(all).size).toBe(all.length);
  expect(shortcuts("undo")).toBe("Control+Z U Backspace");
  expect(keyName("Control+ArrowLeft")).toBe("Ctrl + ←");
  expect(keyName("+")).toBe("+");
});
