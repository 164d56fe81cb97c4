import { expect, test } from "vitest";
import { Api, mediaUrl } from "./client.ts";
import { Http } from "./http.ts";

const SIGNED = "https://media.s3.amazonaws.com/t/a/b.webp?X-Amz-Date=20261121T150000Z&X-Amz-Expires=900";

test("what the service names is opened at the page's own origin, by an address that is always the same", () => {
  expect(mediaUrl(SIGNED)).toBe("/media/t/a/b.webp");
  expect(mediaUrl("http://127.0.0.1:4566/bucket/t/a/b.webp?q=1")).toBe("/media/t/a/b.webp");
  expect(mediaUrl("https://d1.cloudfront.net/media/t/a/b.webp")).toBe("/media/t/a/b.webp");
  expect(mediaUrl(null)).toBeNull();
});

test("addresses of pictures are given away when they open, and not before", async () => {
  const asked: string[] = [];
  let open = (): void => undefined;
  const opened = new Promise<void>((resolve) => (open = resolve));
  const fetcher = (url: unknown): Promise<Response> => {
    asked.push(String(url));
    return Promise.resolve(Response.json({ items: [] }));
  };
  const tokens = { token: () => Promise.resolve("t"), refused: () => undefined };
  const api = new Api(new Http(tokens, fetcher as typeof fetch), () => ({ ready: () => opened }));
  await api.datasets();
  let isThere = false;
  const images = api.images("d").then(() => (isThere = true));
  await new Promise((resolve) => setTimeout(resolve, 0));
  expect([asked.length, isThere]).toEqual([2, false]); // both are asked at once
  open();
  await images;
});
