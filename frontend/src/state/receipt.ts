/** An export's receipt in sentences: what it holds, and what of the labels did not survive the format. */
import type { ExportReceipt } from "../api/types.ts";
import { words } from "../words.ts";

export function receiptLines(receipt: ExportReceipt): string[] {
  const { loss, classes, splits } = receipt;
  const said = words.results;
  const isExact = loss.iou_mean === null || (loss.iou_mean === 1 && loss.iou_min === 1);
  return [
    said.classes(classes),
    ...Object.entries(splits)
      .filter(([, tally]) => tally.sources + tally.variants > 0)
      .map(([name, tally]) => said.split(name, tally.sources, tally.variants)),
    isExact ? said.exact(loss.labels) : said.loss(loss.labels, loss.iou_mean ?? 1, loss.iou_min ?? 1),
    ...(loss.labels_dropped > 0 ? [said.dropped(loss.labels_dropped)] : []),
    ...(loss.holes_lost > 0 ? [said.holes(loss.holes_lost)] : []),
    ...(loss.objects_split > 0 ? [said.splitObjects(loss.objects_split)] : []),
    ...(loss.labels_overlapped > 0 ? [said.overlapped(loss.labels_overlapped)] : []),
  ];
}
