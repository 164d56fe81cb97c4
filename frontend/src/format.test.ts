import { expect, test } from "vitest";
import { bytes, counted, dollars, duration, percent } from "./format.ts";

test("numbers read as people say them", () => {
  expect([999, 1000, 1_260_000, 25_000_000_000].map(bytes)).toEqual(["999 B", "1.0 KB", "1.3 MB", "25.0 GB"]);
  expect([0, 59.4, 60, 125, 4200].map(duration)).toEqual(["0 s", "59 s", "1 min", "2 min 5 s", "1 h 10 min"]);
  expect([0, 0.00082, 1.5].map(dollars)).toEqual(["$0.00", "$0.00082", "$1.50"]);
  expect([counted(1, "photo"), counted(1200, "photo")]).toEqual(["1 photo", "1,200 photos"]);
  expect([0, 0.012, 0.5].map(percent)).toEqual(["0 %", "1.2 %", "50 %"]);
});
