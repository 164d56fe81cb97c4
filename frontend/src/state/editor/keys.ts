/**
 * The editor's keys as one table: what is pressed, what it does, and what the list of keys shows; it does nothing itself.
 *
 * A key of the stage counts only while the stage has the focus, so that letters stay letters in every field.
 */

export type Action =
  | "add"
  | "subtract"
  | "move"
  | "removePoint"
  | "box"
  | "point"
  | "candidate"
  | "undo"
  | "redo"
  | "clear"
  | "zoomIn"
  | "zoomOut"
  | "fit"
  | "actual"
  | "hide"
  | "opacity"
  | "outline"
  | "others"
  | "save"
  | "previous"
  | "next"
  | "keys";

export interface Binding {
  readonly action: Action;
  /** As `aria-keyshortcuts` writes them: modifiers first, joined with "+". */
  readonly keys: readonly string[];
  readonly where: "stage" | "editor";
}

export const BINDINGS: readonly Binding[] = [
  { action: "move", keys: ["ArrowLeft", "ArrowRight", "ArrowUp", "ArrowDown"], where: "stage" },
  { action: "add", keys: ["Enter"], where: "stage" },
  { action: "subtract", keys: ["S"], where: "stage" },
  { action: "removePoint", keys: ["Delete", "X"], where: "stage" },
  { action: "box", keys: ["B"], where: "stage" },
  { action: "point", keys: ["P"], where: "stage" },
  { action: "candidate", keys: ["M", "1", "2", "3"], where: "stage" },
  { action: "undo", keys: ["Control+Z", "U", "Backspace"], where: "stage" },
  { action: "redo", keys: ["Control+Shift+Z", "Control+Y"], where: "stage" },
  { action: "clear", keys: ["Escape"], where: "stage" },
  { action: "zoomIn", keys: ["+", "="], where: "stage" },
  { action: "zoomOut", keys: ["-"], where: "stage" },
  { action: "fit", keys: ["0"], where: "stage" },
  { action: "actual", keys: ["Shift+0"], where: "stage" },
  { action: "hide", keys: ["H"], where: "stage" },
  { action: "opacity", keys: ["O"], where: "stage" },
  { action: "outline", keys: ["L"], where: "stage" },
  { action: "others", keys: ["T"], where: "stage" },
  { action: "previous", keys: ["Control+ArrowLeft"], where: "editor" },
  { action: "next", keys: ["Control+ArrowRight"], where: "editor" },
  { action: "save", keys: ["Control+Enter"], where: "editor" },
  { action: "keys", keys: ["?"], where: "editor" },
];

/** What of a keyboard event counts. */
export interface Stroke {
  readonly key: string;
  readonly code: string;
  readonly ctrlKey: boolean;
  readonly metaKey: boolean;
  readonly shiftKey: boolean;
  readonly altKey: boolean;
}

/** What a stroke means; null where the editor does not want it. The Mac's command key counts as Control. */
export function actionOf(stroke: Stroke, isOnStage: boolean, isInField: boolean): Action | null {
  const pressed = names(stroke);
  for (const { action, keys, where } of BINDINGS) {
    if (!keys.some((key) => pressed.includes(key))) continue;
    if (where === "stage" && !isOnStage && !isAnywhere(action, stroke, isInField)) continue;
    if (where === "editor" && isInField && action !== "save") continue;
    return action;
  }
  return null;
}

/** For `aria-keyshortcuts`. */
export function shortcuts(action: Action): string {
  return BINDINGS.find((binding) => binding.action === action)?.keys.join(" ") ?? "";
}

/** A key as it stands on the keyboard. */
export function keyName(key: string): string {
  return key
    .split(/\+(?=.)/)
    .map((part) => SHOWN[part] ?? part)
    .join(" + ");
}

/** How far an arrow moves the cursor, in pixels of the image. */
export function arrowStep(stroke: Stroke): { dx: number; dy: number } | null {
  const far = stroke.altKey ? 1 : stroke.shiftKey ? 50 : 10;
  switch (stroke.key) {
    case "ArrowLeft":
      return { dx: -far, dy: 0 };
    case "ArrowRight":
      return { dx: far, dy: 0 };
    case "ArrowUp":
      return { dx: 0, dy: -far };
    case "ArrowDown":
      return { dx: 0, dy: far };
    default:
      return null;
  }
}

const SHOWN: Record<string, string> = {
  ArrowLeft: "←",
  ArrowRight: "→",
  ArrowUp: "↑",
  ArrowDown: "↓",
  Control: "Ctrl",
  Escape: "Esc",
};

/** The names that a stroke may stand under in the table. */
function names(stroke: Stroke): string[] {
  const isControl = stroke.ctrlKey || stroke.metaKey;
  if (!isControl && stroke.key.startsWith("Arrow")) return [stroke.key];
  const key = /^Digit\d$/.test(stroke.code) ? stroke.code.slice(-1) : upper(stroke.key);
  const modifiers = [isControl && "Control", stroke.altKey && "Alt", stroke.shiftKey && "Shift"].filter(Boolean);
  const whole = [...modifiers, key].join("+");
  // A sign that needs Shift on some keyboards ("?", "+") is meant as the sign.
  return isControl || stroke.altKey ? [whole] : [whole, stroke.key];
}

function upper(key: string): string {
  return key.length === 1 ? key.toUpperCase() : key;
}

/** Undo and redo count everywhere but in a field, which has an undo of its own. */
function isAnywhere(action: Action, stroke: Stroke, isInField: boolean): boolean {
  return !isInField && (action === "undo" || action === "redo") && (stroke.ctrlKey || stroke.metaKey);
}
