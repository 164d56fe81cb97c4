import { expect, test } from "vitest";
import { bytesOf, vectors } from "../masks/vectors.test-data.ts";
import { unpacked, UnusableEmbedding, type Unusable } from "./embedding.ts";

const { version, size, shape, packed, features } = vectors.embedding;

function refusal(act: () => unknown): Unusable | null {
  try {
    act();
    return null;
  } catch (error) {
    return error instanceof UnusableEmbedding ? error.reason : null;
  }
}

test("an embedding as the service packs it is read to the last bit", () => {
  const found = unpacked(bytesOf(packed), version, size);
  expect(found.shape).toEqual(shape);
  expect([...found.values]).toEqual(features);
});

test("an embedding of another segmenter is refused with both names", () => {
  expect(() => unpacked(bytesOf(packed), "sam-vit-b-ffffffffffff", size)).toThrow(
    `The embedding is of ${version}, the decoder of sam-vit-b-ffffffffffff.`,
  );
});

test("anything but the embedding of this image is refused", () => {
  const bytes = bytesOf(packed);
  const refused = (changed: ArrayBuffer, of = size): Unusable | null => refusal(() => unpacked(changed, version, of));
  expect(refused(bytes, { ...size, height_px: 31 })).toBe("other_image");
  expect(refused(bytes.slice(0, bytes.byteLength - 1))).toBe("cut_off");
  expect(refused(bytes.slice(0, 128))).toBe("cut_off");
  expect(refused(bytes.slice(0, 100))).toBe("not_an_embedding");
  expect(refused(new ArrayBuffer(0))).toBe("not_an_embedding");
  expect(refused(new TextEncoder().encode("<!doctype html>".padEnd(200)).buffer)).toBe("not_an_embedding");
});

test.each([0x7e00, 0x7c00, 0xfc00])("a number that is none (%i) is refused", (bits) => {
  const bytes = bytesOf(packed);
  new DataView(bytes).setUint16(130, bits, true);
  expect(refusal(() => unpacked(bytes, version, size))).toBe("not_finite");
});
