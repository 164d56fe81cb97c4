import { expect, test, vi } from "vitest";
import type { ImageView, ImageViewPage } from "../api/types.ts";
import { ImageList } from "./images.svelte.ts";

function image(id: number, status: ImageView["status"] = "ready", url = `https://m/t/${id}`): ImageView {
  const name = `i${String(id).padStart(4, "0")}`;
  return {
    image_id: name,
    dataset_id: "d",
    name,
    status,
    created_at: "2026-11-21T15:00:00Z",
    sha256: "",
    thumbnail_url: url,
  } as ImageView;
}

/** A service that lists `images` 100 at a time. */
function service(images: ImageView[]): (cursor: string | null) => Promise<ImageViewPage> {
  return vi.fn((cursor: string | null) => {
    const from = images.findIndex((one) => one.image_id > (cursor ?? ""));
    const items = from < 0 ? [] : images.slice(from, from + 100);
    const isEnd = from < 0 || from + 100 >= images.length;
    return Promise.resolve({ items, next_cursor: isEnd ? null : (items.at(-1)?.image_id ?? null) });
  });
}

test("pages are read as far as they are looked at, and to the end when asked", async () => {
  const read = service(Array.from({ length: 1000 }, (_, id) => image(id)));
  const list = new ImageList(read);
  await list.show(40);
  expect([list.items.length, list.isComplete]).toEqual([200, false]);
  await Promise.all([list.show(120), list.show(150)]);
  expect(list.items.length).toBe(300);
  await list.all();
  expect([list.items.length, list.isComplete]).toEqual([1000, true]);
  expect(read).toHaveBeenCalledTimes(10);
});

test("only pages on which ingest works are read again, and what is new at the end is found", async () => {
  const images = Array.from({ length: 250 }, (_, id) => image(id, id === 120 ? "expected" : "ready"));
  const read = service(images);
  const list = new ImageList(read);
  await list.all();
  expect([list.waiting, list.items.length]).toEqual([1, 250]);
  images[120] = image(120, "refused");
  images.push(...Array.from({ length: 80 }, (_, id) => image(250 + id, "expected")));
  await list.refresh();
  expect(list.items.length).toBe(330);
  expect(list.items[120]?.status).toBe("refused");
  expect(read).toHaveBeenCalledTimes(3 + 2 + 1);
});

test("an image that was removed elsewhere goes when its page is read again", async () => {
  const images = Array.from({ length: 150 }, (_, id) => image(id, id === 3 ? "expected" : "ready"));
  const list = new ImageList(service(images));
  await list.all();
  images.splice(5, 1);
  await list.refresh();
  expect(list.items.length).toBe(149);
  expect(list.items.map((one) => one.image_id)).not.toContain("i0005");
});

test("a failure is shown and goes on where it was", async () => {
  const right = service(Array.from({ length: 300 }, (_, id) => image(id)));
  let isBroken = false;
  const list = new ImageList((cursor) => (isBroken ? Promise.reject(new Error("no")) : right(cursor)));
  await list.show(10);
  isBroken = true;
  await list.all();
  expect([list.items.length, list.error]).toEqual([200, new Error("no")]);
  isBroken = false;
  await list.again();
  expect([list.items.length, list.error]).toEqual([300, null]);
});
