/** How masks are shown on the stage; the reader's choice, kept for the next template. */

export interface Look {
  opacity: number;
  isOutlined: boolean;
  isHidden: boolean;
  showsOthers: boolean;
}

export const USUAL: Look = { opacity: 0.5, isOutlined: true, isHidden: false, showsOthers: false };
const STEPS = [0.25, 0.5, 0.75, 1];

/** The next step of opacity, round and round. */
export function nextOpacity(opacity: number): number {
  return STEPS.find((step) => step > opacity + 0.01) ?? STEPS[0] ?? 0.25;
}
