import { expect, test } from "vitest";
import type { ImageView, ImageViewPage } from "../api/types.ts";
import { filesOfDrop, filesOfPaste, filesOfPicker, plainName } from "./files.ts";
import { sha256 } from "./hash.ts";
import { Held } from "./held.ts";
import { meaningOf } from "./post.ts";
import { Rate } from "./rate.ts";
import { follow } from "./settling.ts";

type Tree = { [name: string]: Tree | string };

/** What a browser shows of a folder: at most three children in a reading. */
function entry(name: string, tree: Tree | string): FileSystemEntry {
  if (typeof tree === "string") {
    const file = (done: (file: File) => void, fail: (error: Error) => void): void =>
      tree === "unreadable" ? fail(new Error("gone")) : done(new File([tree], name));
    return { name, isFile: true, isDirectory: false, file } as unknown as FileSystemEntry;
  }
  const createReader = (): unknown => {
    const left = Object.entries(tree).map(([child, below]) => entry(child, below));
    return { readEntries: (done: (some: FileSystemEntry[]) => void) => done(left.splice(0, 3)) };
  };
  return { name, isFile: false, isDirectory: true, createReader } as unknown as FileSystemEntry;
}

function drop(tree: Tree): DataTransfer {
  const items = Object.entries(tree).map(([name, below]) => ({ webkitGetAsEntry: () => entry(name, below) }));
  return { items, files: [] } as unknown as DataTransfer;
}

test("a folder is read with everything below it, by names that go on inside it", async () => {
  const photos = Object.fromEntries(Array.from({ length: 8 }, (_, at) => [`p${at + 1}.jpg`, "x"]));
  const found = await filesOfDrop(
    drop({
      caps: {
        ...photos,
        "p10.JPG": "x",
        "notes.txt": "x",
        ".hidden.jpg": "x",
        deep: { er: { "q.heic": "x" } },
        "no.png": "unreadable",
      },
    }),
  );
  expect(found.files.map((file) => file.name)).toEqual(["deep/er/q.heic", ...Object.keys(photos), "p10.JPG"]);
  expect(found.leftOut).toEqual([
    { name: "no.png", reason: "unreadable" },
    { name: "notes.txt", reason: "not_a_picture" },
  ]);
});

test("several folders keep their names", async () => {
  const found = await filesOfDrop(drop({ a: { "1.png": "x" }, b: { "1.png": "x" }, "c.png": "x" }));
  expect(found.files.map((file) => file.name)).toEqual(["a/1.png", "b/1.png", "c.png"]);
});

test("more files than a dataset holds are left out, and it is said", () => {
  const files = Array.from({ length: 10_002 }, (_, at) =>
    Object.assign(new File(["x"], `${at}.jpg`), { webkitRelativePath: `set/${at}.jpg` }),
  );
  const found = filesOfPicker(files);
  expect([found.files.length, found.leftOut.map((one) => one.reason)]).toEqual([10_000, ["too_many", "too_many"]]);
  expect(found.files[7]?.name).toBe("7.jpg");
});

test("pasted pictures are named by their moment", () => {
  const data = { files: [new File(["x"], "image.png", { type: "image/png" }), new File(["y"], "t.txt")] };
  const found = filesOfPaste(data as unknown as DataTransfer, new Date("2026-11-21T15:04:05Z"));
  expect(found.map((one) => one.name)).toEqual(["pasted 2026-11-21 15.04.05.png"]);
});

test("names lose what nobody can see, and keep their end when they are long", () => {
  expect(plainName("a\u0000b\u202egpj.exe")).toBe("a_b_gpj.exe");
  expect(plainName("Ünï 日本.jpg")).toBe("Ünï 日本.jpg".normalize("NFC"));
  const long = plainName("日".repeat(200) + ".jpg");
  expect([new TextEncoder().encode(long).length <= 255, long.endsWith("日.jpg")]).toEqual([true, true]);
  expect([plainName(" . "), plainName("")]).toEqual(["photo", "photo"]);
});

test("the hash is the file's SHA-256", async () => {
  expect(await sha256(new Blob(["abc"]))).toBe("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
});

test("the store's answers mean what to do next", () => {
  const xml = (code: string): string => `<?xml version="1.0"?><Error><Code>${code}</Code></Error>`;
  expect([204, 403, 503, 0, 429].map((status) => meaningOf(status, ""))).toEqual([
    "stored",
    "expired",
    "broken",
    "broken",
    "broken",
  ]);
  expect([
    meaningOf(400, xml("EntityTooLarge")),
    meaningOf(400, xml("RequestTimeout")),
    meaningOf(400, xml("Odd")),
  ]).toEqual(["changed", "broken", "refused"]);
});

test("the rate is that of the last seconds", () => {
  const rate = new Rate();
  expect([rate.perSecond, rate.secondsFor(10)]).toEqual([0, null]);
  for (let second = 0; second <= 30; second++)
    rate.note(second < 20 ? second * 10 : 200 + (second - 20) * 100, second * 1000);
  expect(rate.perSecond).toBe(100);
  expect(rate.secondsFor(500)).toBe(5);
  rate.note(0, 31_000);
  expect(rate.perSecond).toBe(0);
});

function view(number: number, status: ImageView["status"]): ImageView {
  return { image_id: `i${number}`, sha256: `s${number}`, status, refusal: null } as unknown as ImageView;
}

test("what was added since is read from the last page on", async () => {
  const asked: (string | null)[] = [];
  const pages: Record<string, ImageViewPage> = {
    "": { items: [view(1, "ready")], next_cursor: "b" } as ImageViewPage,
    b: { items: [view(2, "ready")], next_cursor: null } as ImageViewPage,
  };
  const held = new Held((cursor) => {
    asked.push(cursor);
    return Promise.resolve(pages[cursor ?? ""] as ImageViewPage);
  });
  await held.refresh();
  pages["b"] = { items: [view(2, "ready"), view(3, "ready")], next_cursor: null } as ImageViewPage;
  await held.refresh();
  expect(asked).toEqual([null, "b", "b"]);
  expect([held.find("s3")?.image_id, held.find("s4")]).toEqual(["i3", null]);
});

test("ingest is asked ever more gently, from the first page on that is not settled", async () => {
  const statuses: ImageView["status"][] = Array.from({ length: 6 }, () => "expected");
  const pauses: number[] = [];
  const asked: (string | null)[] = [];
  const seen = new Map<string, ImageView>();
  await follow(
    {
      read: (cursor) => {
        asked.push(cursor);
        const from = Number(cursor ?? 0);
        const items = statuses.slice(from, from + 2).map((status, at) => view(from + at, status));
        return Promise.resolve({ items, next_cursor: from + 2 < statuses.length ? String(from + 2) : null });
      },
      pause: (seconds) => {
        pauses.push(Math.round(seconds * 10) / 10);
        if (pauses.length === 4) statuses.fill("ready", 0, 4);
        if (pauses.length === 6) statuses.fill("refused", 4);
        return Promise.resolve();
      },
      visible: () => Promise.resolve(),
    },
    null,
    () => statuses.length - [...seen.values()].filter((image) => image.status !== "expected").length,
    (images) => images.forEach((image) => seen.set(image.image_id, image)),
    new AbortController().signal,
  );
  expect(pauses).toEqual([2, 3, 4.5, 6.8, 2, 3]);
  expect(asked.slice(-2)).toEqual(["4", "4"]);
  expect(seen.get("i5")?.status).toBe("refused");
});
