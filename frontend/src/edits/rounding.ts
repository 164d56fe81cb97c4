/** Rounding as Python does it: what lies exactly between two goes to the even one. */

export function halfEven(value: number): number {
  const below = Math.floor(value);
  const isTie = value - below === 0.5;
  return isTie ? below + Math.abs(below % 2) : Math.round(value);
}

/** Rounded to six digits after the point. */
export function sixDigits(value: number): number {
  const halves = value * 128; // a value is such a tie only as an odd multiple of 1/128, which is exact in binary
  if (!Number.isInteger(halves) || halves % 2 === 0) return Number(value.toFixed(6));
  return halfEven(value * 1e6) / 1e6;
}
