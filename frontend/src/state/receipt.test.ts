import { expect, test } from "vitest";
import type { ExportReceipt } from "../api/types.ts";
import { receiptLines } from "./receipt.ts";

const receipt: ExportReceipt = {
  version: 1,
  format: "yolo-seg",
  classes: ["cap"],
  splits: { train: { sources: 8, variants: 40, labels: { cap: 48 } }, val: { sources: 0, variants: 0, labels: {} } },
  loss: {
    labels: 48,
    iou_mean: 1,
    iou_min: 1,
    holes_lost: 0,
    objects_split: 0,
    labels_dropped: 0,
    labels_overlapped: 0,
    pixels_overlapped: 0,
  },
  conversions: {},
  parts: [],
};

test("a receipt of a format that keeps masks says that nothing changed, and leaves empty splits out", () => {
  expect(receiptLines(receipt)).toEqual([
    "Classes: cap",
    "train: 8 sources, 40 variants",
    "48 labels, none changed (IoU 1)",
  ]);
});

test("what a format lost is said in numbers", () => {
  const loss = { ...receipt.loss, iou_mean: 0.9874, iou_min: 0.91, labels_dropped: 1, holes_lost: 3, objects_split: 2 };
  expect(receiptLines({ ...receipt, loss }).slice(2)).toEqual([
    "48 labels; IoU with the masks 0.987 on average, 0.910 at worst",
    "1 label could not be written",
    "3 holes filled",
    "2 objects split into parts",
  ]);
});
