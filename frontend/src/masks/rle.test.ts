import { expect, test } from "vitest";
import { areaOf, boxOf, decodeRle, encodeRle, InvalidMask, type Bitmap, type Rle } from "./rle.ts";
import { vectors } from "./vectors.test-data.ts";

const bitmapOf = (rows: string[]): Bitmap => Uint8Array.from(rows.join(""), Number);

test.each(vectors.rles)("a mask of $rle.size is that of the service, both ways", ({ rle, rows, area, box }) => {
  expect(decodeRle(rle)).toEqual(bitmapOf(rows));
  expect(encodeRle(bitmapOf(rows), rle.size)).toEqual(rle);
  expect(areaOf(rle)).toBe(area);
  const [top, left, bottom, right] = box ?? [];
  expect(boxOf(rle)).toEqual(box && { top, left, bottom, right });
});

const size = { height_px: 3, width_px: 4 };
const BAD: [string, string][] = [
  ["no text", ""],
  ["a character that is no digit", "<\u001f"],
  ["a character above all digits", "\u00ff"],
  ["a cut text", "d"],
  ["too few pixels", "5"],
  ["too many pixels", "<1"],
  ["a negative run", "O<"],
  ["a run that never ends", "oooooooooooooo"],
];

test.each(BAD)("refuses %s", (_what, counts) => {
  const rle: Rle = { size, counts };
  expect(() => decodeRle(rle)).toThrow(InvalidMask);
  expect(() => areaOf(rle)).toThrow(InvalidMask);
});

test("refuses to encode a bitmap of another size", () => {
  expect(() => encodeRle(new Uint8Array(5), size)).toThrow(InvalidMask);
});

test("a mask of long runs comes back", () => {
  const large = { height_px: 3000, width_px: 4000 };
  const bitmap = new Uint8Array(12_000_000);
  for (let y = 400; y < 2800; y++) bitmap.fill(1, y * 4000 + 500 + (y % 97), y * 4000 + 3500 - (y % 31));
  const rle = encodeRle(bitmap, large);
  expect(Buffer.compare(decodeRle(rle), bitmap)).toBe(0);
  expect(areaOf(rle)).toBe(bitmap.reduce((sum, value) => sum + value, 0));
});
