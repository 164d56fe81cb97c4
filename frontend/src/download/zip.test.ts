import { expect, test } from "vitest";
import { FileLost, namedApart, type Wanted, zipOf } from "./zip.ts";

const files = (count: number): Wanted[] =>
  Array.from({ length: count }, (_, index) => ({
    name: `variants/${index}.webp`,
    address: (isAgain) => Promise.resolve(`/f/${index}${isAgain ? "?fresh" : ""}`),
  }));

function store(answer: (address: string) => Response): { fetcher: typeof fetch; most: () => number } {
  let running = 0;
  let most = 0;
  const fetcher = (async (address: string) => {
    running++;
    most = Math.max(most, running);
    await new Promise((resolve) => setTimeout(resolve, 1));
    running--;
    return answer(address);
  }) as typeof fetch;
  return { fetcher, most: () => most };
}

test("every file is in the ZIP, a few are read at a time, and each is counted", async () => {
  const { fetcher, most } = store((address) => new Response(`body of ${address}`));
  const counted: number[] = [];
  const zip = await zipOf(files(12), {
    signal: new AbortController().signal,
    onFile: (done) => counted.push(done),
    fetcher,
  });
  const text = await zip.text();
  for (let index = 0; index < 12; index++) {
    expect(text).toContain(`variants/${index}.webp`);
    expect(text).toContain(`body of /f/${index}`);
  }
  expect(counted.at(-1)).toBe(12);
  expect(most()).toBeLessThanOrEqual(5);
});

test("an address that has run out is asked for anew", async () => {
  const { fetcher } = store((address) =>
    address.endsWith("?fresh") ? new Response("fresh") : new Response("", { status: 403 }),
  );
  const zip = await zipOf(files(1), { signal: new AbortController().signal, fetcher });
  expect(await zip.text()).toContain("fresh");
});

test("one file that cannot be read means no ZIP at all, and is named", async () => {
  const { fetcher } = store((address) => new Response("x", { status: address.startsWith("/f/2") ? 500 : 200 }));
  const made = zipOf(files(4), { signal: new AbortController().signal, fetcher });
  await expect(made).rejects.toThrow(FileLost);
  await expect(made).rejects.toMatchObject({ file: "variants/2.webp" });
}, 10_000);

test("who stops it gets nothing", async () => {
  const abort = new AbortController();
  const { fetcher } = store(() => {
    abort.abort(new Error("stopped"));
    return new Response("x");
  });
  await expect(zipOf(files(3), { signal: abort.signal, fetcher })).rejects.toThrow("stopped");
});

test("names that come twice are told apart, whatever their case", () => {
  expect(namedApart(["a.png", "A.png", "a.png", "b", "b"])).toEqual(["a.png", "A-2.png", "a-3.png", "b", "b-2"]);
});
