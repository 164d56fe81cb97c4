/** A template as it is being edited, and whether it can be saved; it knows no service and no page. */
import type { MaskChoice, Placement, Prompt, Refinement, TemplateView } from "../../api/types.ts";

export interface TemplateForm {
  readonly name: string;
  readonly colour: string;
  readonly placement: Placement;
  readonly choice: MaskChoice;
  readonly refinement: Refinement;
  readonly prompt: Prompt | null;
  readonly reference_image_id: string | null;
}

export const NEUTRAL: Refinement = { island_area_min: 0, hole_area_min: 0, grow_px: 0, feather_px: 0 };

/** Colours that differ from each other and from most photos; a new template takes one that is free. */
export const COLOURS = [
  "#ff5a36",
  "#2f9bff",
  "#2fbf71",
  "#b65cff",
  "#ffb020",
  "#00b8c4",
  "#ff4fa3",
  "#7a8cff",
] as const;

const NAME = /^[A-Za-z0-9][A-Za-z0-9_.-]*$/;
export const NAME_CHARS_MAX = 120;

export type Fault = "no_name" | "bad_name" | "long_name" | "taken_name" | "no_prompt";

export function newForm(taken: readonly Pick<TemplateView, "name" | "colour">[]): TemplateForm {
  const colour = COLOURS.find((one) => !taken.some((template) => template.colour === one)) ?? COLOURS[0];
  return {
    name: freeName(
      "object",
      taken.map((template) => template.name),
    ),
    colour,
    placement: "fixed",
    choice: "best",
    refinement: NEUTRAL,
    prompt: null,
    reference_image_id: null,
  };
}

export function formOf(template: TemplateView): TemplateForm {
  const { name, colour, placement, choice, refinement, prompt, reference_image_id } = template;
  return { name, colour, placement, choice, refinement, prompt, reference_image_id };
}

/** What keeps it from being saved, the first thing first. */
export function faults(form: TemplateForm, taken: readonly string[]): Fault[] {
  const found: Fault[] = [];
  const fault = nameFault(form.name, taken);
  if (fault) found.push(fault);
  if (form.placement === "fixed" && form.prompt === null) found.push("no_prompt");
  return found;
}

export function nameFault(name: string, taken: readonly string[]): Exclude<Fault, "no_prompt"> | null {
  if (name === "") return "no_name";
  if (name.length > NAME_CHARS_MAX) return "long_name";
  if (!NAME.test(name)) return "bad_name";
  return taken.includes(name) ? "taken_name" : null;
}

/** `name`, or with the first number behind it that makes it a new one. */
export function freeName(name: string, taken: readonly string[]): string {
  if (!taken.includes(name)) return name;
  for (let number = 2; ; number++) {
    const next = `${name.slice(0, NAME_CHARS_MAX - 5)}-${number}`;
    if (!taken.includes(next)) return next;
  }
}

/** Whether two forms would be saved as the same template. */
export function isSame(one: TemplateForm, other: TemplateForm): boolean {
  return JSON.stringify(ordered(one)) === JSON.stringify(ordered(other));
}

function ordered(form: TemplateForm): unknown {
  const { refinement: r, prompt } = form;
  return [
    [form.name, form.colour, form.placement, form.choice, form.reference_image_id],
    [r.island_area_min, r.hole_area_min, r.grow_px, r.feather_px],
    prompt && [
      prompt.points.map(({ x, y, positive }) => [x, y, positive]),
      corners(prompt.box),
      prompt.previous?.counts,
    ],
  ];
}

function corners(box: Prompt["box"]): unknown {
  return box ? [box.left, box.top, box.right, box.bottom] : null;
}
