/** How a template's prompt lands on an image, as the service decides it; it asks no segmenter. */
import type { MaskChoice, Placement, Prompt, Refinement, TemplateView } from "../../api/types.ts";
import type { Rle } from "../../masks/rle.ts";

/** What of a template decides its mask on an image. */
export interface Finds {
  readonly prompt?: Prompt | null;
  readonly placement?: Placement;
  readonly choice?: MaskChoice;
  readonly refinement?: Refinement;
  readonly overrides?: Readonly<Record<string, Prompt>>;
}

const CENTRE: Prompt = { points: [{ x: 0.5, y: 0.5, positive: true }], box: null, previous: null };

/** The prompt that a segmenter is asked with on an image; null where it is asked nothing. */
export function placedPrompt(template: Finds, image: string): Prompt | null {
  const override = template.overrides?.[image];
  if (override) return override;
  if (template.placement === "whole" || template.placement === "mask") return null;
  if (template.placement === "centre") return CENTRE;
  return template.prompt ?? null;
}

/** The mask that a template brings along for an image; null where it is found. */
export function givenMask(template: Finds, image: string, size: Rle["size"]): Rle | null {
  if (template.overrides?.[image]) return null;
  if (template.placement === "whole") return wholeMask(size);
  const previous = template.placement === "mask" ? template.prompt?.previous : null;
  if (!previous || previous.size.height_px !== size.height_px || previous.size.width_px !== size.width_px) return null;
  return previous;
}

/** Whether an image has a prompt of its own. */
export function isFixedByHand(template: Pick<TemplateView, "overrides">, image: string): boolean {
  return template.overrides[image] !== undefined;
}

/** Every pixel inside: no background, then all of them. */
function wholeMask(size: Rle["size"]): Rle {
  let left = size.height_px * size.width_px;
  let counts = "0";
  for (let isLast = false; !isLast;) {
    const digit = left & 31;
    left >>= 5;
    isLast = left === 0 && (digit & 16) === 0;
    counts += String.fromCharCode(48 + digit + (isLast ? 0 : 32));
  }
  return { size, counts };
}
