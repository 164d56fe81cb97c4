import { expect, test } from "vitest";
import { mediaUrl } from "./client.ts";
import { isFresh } from "./signed.ts";

const SIGNED =
  "https://media.s3.amazonaws.com/t/a/b.webp?X-Amz-Date=20261121T150000Z&X-Amz-Expires=900&X-Amz-Signature=x";

test("a signed address is fresh until a minute before it ends", () => {
  const signedAt = Date.UTC(2026, 10, 21, 15, 0, 0);
  expect(isFresh(SIGNED, signedAt)).toBe(true);
  expect(isFresh(SIGNED, signedAt + 839_000)).toBe(true);
  expect(isFresh(SIGNED, signedAt + 841_000)).toBe(false);
  expect(isFresh("https://media/t/a", signedAt)).toBe(true);
});

test("what the store signed is opened through the page's own origin", () => {
  expect(mediaUrl(SIGNED)).toBe("/media/t/a/b.webp?X-Amz-Date=20261121T150000Z&X-Amz-Expires=900&X-Amz-Signature=x");
  expect(mediaUrl("http://127.0.0.1:4566/bucket/t/a/b.webp?q=1")).toBe("/media/t/a/b.webp?q=1");
  expect(mediaUrl(null)).toBeNull();
});
