/** The worker behind a preview: bitmaps into pixels, requests into pictures. */
import type { Size } from "../geometry/spaces.ts";
import { MissingMask } from "../masks/regions.ts";
import { InvalidMask } from "../masks/rle.ts";
import { MissingBackground } from "./cutout.ts";
import type { Picture } from "./picture.ts";
import { PREVIEW_SIDE_PX, type FailureCode, type FromWorker, type Shown, type ToWorker } from "./preview.ts";
import { NoSource, previewSize, Studio } from "./studio.ts";

let sideMaxPx = PREVIEW_SIDE_PX;
let studio = new Studio(sideMaxPx);

self.addEventListener("message", ({ data }: MessageEvent<ToWorker>): void => {
  switch (data.kind) {
    case "start":
      sideMaxPx = data.sideMaxPx;
      studio = new Studio(sideMaxPx);
      break;
    case "source": {
      const full = sizeOf(data.image); // which it loses with its memory
      studio.setSource(smaller(data.image, sideMaxPx, data.isGrey), full);
      break;
    }
    case "background": // twice the side, since it covers the source, whatever its shape
      studio.setBackground(data.id, smaller(data.image, 2 * sideMaxPx, data.isGrey));
      break;
    case "masks":
      studio.setMasks(data.masks);
      break;
    case "render":
      answer(data);
      break;
  }
});

function answer({ id, layers, composition, seed }: Extract<ToWorker, { kind: "render" }>): void {
  try {
    const variants = studio.render(layers, composition, seed).map((variant): Shown | null => {
      if (!variant) return null;
      const { rgba, size } = variant.picture;
      return { rgba: rgba.slice(), size, crop: variant.crop }; // the source itself is shown where no edit acts
    });
    const transfer = variants.flatMap((variant) => (variant ? [variant.rgba.buffer] : []));
    send({ id, variants }, transfer);
  } catch (error) {
    send({ id, code: codeOf(error), detail: error instanceof Error ? error.message : "" }, []);
  }
}

function send(message: FromWorker, transfer: Transferable[]): void {
  self.postMessage(message, { transfer });
}

function codeOf(error: unknown): FailureCode {
  if (error instanceof NoSource) return "no_source";
  if (error instanceof MissingMask) return "missing_mask";
  if (error instanceof MissingBackground) return "missing_background";
  return error instanceof InvalidMask ? "invalid_mask" : "broken";
}

function sizeOf(image: ImageBitmap): Size {
  return { height_px: image.height, width_px: image.width };
}

/** The pixels of a bitmap at preview size; the bitmap's memory goes. */
function smaller(image: ImageBitmap, sidePx: number, isGrey: boolean): Picture {
  const size = previewSize(sizeOf(image), sidePx);
  const canvas = new OffscreenCanvas(size.width_px, size.height_px);
  const context = canvas.getContext("2d", { willReadFrequently: true });
  if (!context) throw new Error("This browser has no canvas in workers.");
  context.imageSmoothingQuality = "high";
  context.drawImage(image, 0, 0, size.width_px, size.height_px);
  const { data } = context.getImageData(0, 0, size.width_px, size.height_px);
  image.close();
  return { rgba: new Uint8ClampedArray(data.buffer), size, isGrey };
}
