/** `window.proof`: the page's segmenter on an embedding and a decoder that a test serves. */
import { pause } from "../src/api/http.ts";
import type { MaskChoice } from "../src/api/types.ts";
import type { Size } from "../src/geometry/spaces.ts";
import { outline } from "../src/masks/contour.ts";
import type { Rle } from "../src/masks/rle.ts";
import type { Asked } from "../src/segment/framing.ts";
import { LocalSegmenter, makeWorker, threadsOf } from "../src/segment/local.ts";
import type { Pace } from "../src/segment/segmenter.ts";

interface Scene {
  readonly image: string;
  readonly segmenter: string;
  readonly embedding_url: string;
  readonly decoder_url: string;
  readonly frame_px: number;
  readonly size: Size;
}

interface Case {
  readonly prompt: Asked;
  readonly choice: MaskChoice;
  readonly top_k: number;
}

interface Found {
  readonly masks: { readonly score: number; readonly rle: Rle }[];
}

const DATASET = "proof";

/** The number of threads that was asked for, or as many as the page itself would use. */
function segmenterFor(scene: Scene, threads: number | null): LocalSegmenter {
  const { segmenter, embedding_url, decoder_url, frame_px } = scene;
  const body = { segmenter, url: new URL(embedding_url, location.href).href, decoder_url, frame_px };
  const embedding = () => Promise.resolve({ body, status: 200, etag: null, retryAfterS: null });
  return new LocalSegmenter({
    api: { embedding },
    fetch: fetch.bind(globalThis),
    sleep: pause,
    makeWorker,
    threads: threads ?? threadsOf(globalThis),
  });
}

/** The masks of some prompts on one image. */
async function masks(scene: Scene, cases: readonly Case[], threads: number | null): Promise<Found[]> {
  const segmenter = segmenterFor(scene, threads);
  try {
    await segmenter.prepare({ dataset: DATASET, image: scene.image, size: scene.size });
    const found: Found[] = [];
    for (const { prompt, choice, top_k } of cases) {
      const answer = await segmenter.segment({ prompt, choice, topK: top_k, urgency: "click" });
      const drawn = (answer?.candidates ?? []).map(async ({ score, rle }) => ({ score, rle: await rle() }));
      found.push({ masks: await Promise.all(drawn) });
    }
    return found;
  } finally {
    segmenter.close();
  }
}

interface Speed {
  readonly pace: Pace;
  readonly prepare_ms: number;
  /** Of each prompt: until its candidates are here, and until the first is outlined, too. */
  readonly answer_ms: number[];
  readonly outline_ms: number[];
  readonly draw_ms: number;
}

/** How long prompts take, one after the other. */
async function speed(scene: Scene, prompts: readonly Asked[], threads: number): Promise<Speed> {
  const segmenter = segmenterFor(scene, threads);
  try {
    const began = performance.now();
    await segmenter.prepare({ dataset: DATASET, image: scene.image, size: scene.size });
    const prepare_ms = performance.now() - began;
    const answer_ms: number[] = [];
    const outline_ms: number[] = [];
    let draw_ms = 0;
    for (const prompt of prompts) {
      const asked = performance.now();
      const answer = await segmenter.segment({ prompt, topK: 3, urgency: "click" });
      const answered = performance.now();
      const first = answer?.candidates[0];
      if (first === undefined) throw new Error("no answer");
      outline(first.field);
      answer_ms.push(answered - asked);
      outline_ms.push(performance.now() - answered);
      const drawing = performance.now();
      await first.rle();
      draw_ms = performance.now() - drawing;
    }
    return { pace: segmenter.pace, prepare_ms, answer_ms, outline_ms, draw_ms };
  } finally {
    segmenter.close();
  }
}

const proof = { masks, speed, isIsolated: crossOriginIsolated };

declare global {
  interface Window {
    proof: typeof proof;
  }
}

window.proof = proof;
