import { expect, test } from "vitest";
import { bytesOf, vectors } from "../masks/vectors.test-data.ts";
import { Decoder, type Inputs, type Outputs } from "./decoder.ts";
import { LocalFailure } from "./orders.ts";

const { version, size, shape, packed } = vectors.embedding;
const LOW = 8; // four each way for each of the 2 × 2 patches
const PROMPT = { points: [{ x: 0.5, y: 0.5, positive: true }] };

/** Logits that say which mask they are of, and the scores of all four. */
function decoderOf(scores = [0.99, 0.2, 1.2, 0.7], of = shape): { decoder: Decoder; asked: Inputs[] } {
  const asked: Inputs[] = [];
  const run = (inputs: Inputs): Promise<Outputs> => {
    asked.push(inputs);
    const masks = Float32Array.from({ length: 4 * LOW * LOW }, (_, at) => Math.floor(at / (LOW * LOW)));
    return Promise.resolve({ masks, scores: Float32Array.from(scores) });
  };
  return { decoder: new Decoder(run, of), asked };
}

test("the single answer is left out, the best candidate comes first, and scores are kept in bounds", async () => {
  const { decoder, asked } = decoderOf();
  decoder.use(bytesOf(packed), version, size, 32);
  const { frame, candidates } = await decoder.decode(PROMPT, "best", 3);
  expect(frame).toEqual({ side_px: 32, low_px: LOW });
  expect(candidates.map(({ logits }) => logits[0])).toEqual([2, 3, 1]);
  expect(candidates.map(({ choice }) => choice)).toEqual(["1", "2", "0"]);
  expect(candidates.map(({ score }) => Math.round(score * 10) / 10)).toEqual([1, 0.7, 0.2]);
  expect(asked[0]?.image_embeddings.dims).toEqual([1, ...shape]);
  expect(asked[0]?.point_coords.dims).toEqual([1, 2, 2]);
  expect([...(asked[0]?.has_mask_input.data ?? [])]).toEqual([0]);
});

test("a previous mask is handed to the decoder", async () => {
  const { decoder, asked } = decoderOf();
  decoder.use(bytesOf(packed), version, size, 32);
  const previous = { size, counts: "P`4P`4" };
  await expect(decoder.decode({ previous }, "0", 1)).rejects.toThrow();
  const whole = { size, counts: "0`U1" };
  await decoder.decode({ previous: whole }, "0", 1);
  expect([...(asked[0]?.has_mask_input.data ?? [])]).toEqual([1]);
  expect(asked[0]?.mask_input.data[0]).toBe(10);
});

test("an embedding of another shape than the decoder takes is refused", () => {
  const { decoder } = decoderOf([], [256, 64, 64]);
  expect(() => decoder.use(bytesOf(packed), version, size, 32)).toThrow("the decoder takes 256 × 64 × 64");
});

test("nothing is answered without an embedding, also after one was refused", async () => {
  const { decoder } = decoderOf();
  await expect(decoder.decode(PROMPT, "best", 1)).rejects.toThrow(LocalFailure);
  decoder.use(bytesOf(packed), version, size, 32);
  expect(() => decoder.use(new ArrayBuffer(3), version, size, 32)).toThrow(LocalFailure);
  await expect(decoder.decode(PROMPT, "best", 1)).rejects.toThrow(LocalFailure);
});

test("an answer that is no number counts as a crash", async () => {
  const { decoder } = decoderOf([0, 0.1, Number.NaN, 0.3]);
  decoder.use(bytesOf(packed), version, size, 32);
  await expect(decoder.decode(PROMPT, "best", 1)).rejects.toMatchObject({ trouble: "crashed" });
});

test("the first answer does not count for how fast the device is", async () => {
  const { decoder, asked } = decoderOf();
  const times = [100, 175];
  expect(await decoder.measured(() => times.shift() ?? 0)).toBe(75);
  expect(asked).toHaveLength(2);
});
