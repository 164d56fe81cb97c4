/**
 * The decoder's worker: onnxruntime and the decoder, away from the thread that draws.
 *
 * It is the only file that knows onnxruntime, and is loaded only where the page decodes by itself.
 */
import * as ort from "onnxruntime-web/wasm";
import mjsUrl from "onnxruntime-web/ort-wasm-simd-threaded.mjs?url";
import wasmUrl from "onnxruntime-web/ort-wasm-simd-threaded.wasm?url";
import { encodeRle } from "../masks/rle.ts";
import { drawnMask } from "../masks/upsample.ts";
import { Decoder, type Inputs, type Outputs } from "./decoder.ts";
import { innerSize } from "./framing.ts";
import { fileAt, LocalFailure, type Order, type Orders, type Report } from "./orders.ts";

const START_MS_MAX = 30_000;

let decoder: Decoder | null = null;

async function load({ decoderUrl, threads }: Orders["load"]["asked"]): Promise<Orders["load"]["answer"]> {
  ort.env.wasm.wasmPaths = { mjs: mjsUrl, wasm: wasmUrl };
  ort.env.wasm.numThreads = threads;
  ort.env.wasm.initTimeout = START_MS_MAX;
  ort.env.logLevel = "error";
  const file = new Uint8Array(await fileAt(decoderUrl, "no_decoder"));
  try {
    const session = await ort.InferenceSession.create(file, { executionProviders: ["wasm"] });
    decoder = new Decoder((inputs) => run(session, inputs), shapeOf(session));
    return { answerMs: await decoder.measured(() => performance.now()) };
  } catch (error) {
    throw new LocalFailure("no_wasm", String(error));
  }
}

async function run(session: ort.InferenceSession, inputs: Inputs): Promise<Outputs> {
  const feeds = Object.entries(inputs).map(([name, { data, dims }]) => [name, new ort.Tensor("float32", data, dims)]);
  const { masks, iou_predictions } = await session.run(Object.fromEntries(feeds) as Record<string, ort.Tensor>);
  if (masks?.type !== "float32" || iou_predictions?.type !== "float32") throw new Error("this is no decoder of SAM");
  return { masks: masks.data as Float32Array, scores: iou_predictions.data as Float32Array };
}

/** Channels, rows and columns of the embeddings that a decoder takes. */
function shapeOf(session: ort.InferenceSession): number[] {
  const input = session.inputMetadata.find(({ name }) => name === "image_embeddings");
  if (!input?.isTensor) throw new Error("this is no decoder of SAM");
  return input.shape.slice(1).map(Number);
}

function ready(): Decoder {
  if (decoder === null) throw new LocalFailure("crashed", "The decoder is not loaded.");
  return decoder;
}

async function done(order: Order): Promise<Orders[keyof Orders]["answer"]> {
  switch (order.name) {
    case "load":
      return load(order.asked);
    case "use": {
      const { bytes, segmenter, size, sidePx } = order.asked;
      ready().use(bytes, segmenter, size, sidePx);
      return null;
    }
    case "decode":
      return ready().decode(order.asked.prompt, order.asked.choice, order.asked.topK);
    case "draw": {
      const { logits, frame, size } = order.asked;
      return encodeRle(drawnMask(logits, frame.low_px, frame.side_px, innerSize(frame, size), size), size);
    }
  }
}

async function answered(order: Order): Promise<void> {
  let report: Report;
  try {
    report = { id: order.id, answer: await done(order) };
  } catch (error) {
    const trouble = error instanceof LocalFailure ? error.trouble : "crashed";
    report = { id: order.id, trouble, detail: error instanceof Error ? error.message : String(error) };
  }
  self.postMessage(report, { transfer: buffersOf(report) });
}

/** What is handed over rather than copied. */
function buffersOf(report: Report): ArrayBuffer[] {
  const isDecoded = "answer" in report && report.answer !== null && "candidates" in report.answer;
  return isDecoded ? report.answer.candidates.map(({ logits }) => logits.buffer) : [];
}

let before = Promise.resolve();

self.addEventListener("message", (event: MessageEvent<Order>) => {
  before = before.then(() => answered(event.data)); // in turn: onnxruntime runs one thing at a time
});
