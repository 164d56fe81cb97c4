// @vitest-environment jsdom
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { healPictures, MediaSession } from "./media.ts";

const HOUR_S = 3600;

/** A service that counts, and fails as often as it is told to. */
class Routes {
  opened = 0;
  closed = 0;
  failures = 0;

  async openMedia(): Promise<{ expires_in_s: number }> {
    if (this.failures-- > 0) throw new Error("offline");
    this.opened++;
    return { expires_in_s: HOUR_S };
  }

  async closeMedia(): Promise<void> {
    this.closed++;
  }
}

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

test("one session serves everybody who waits for it, and those who come later", async () => {
  const routes = new Routes();
  const media = new MediaSession(routes);
  await Promise.all(Array.from({ length: 8 }, () => media.ready()));
  await media.ready();
  expect(routes.opened).toBe(1);
});

test("a session is renewed before it ends, though nobody calls", async () => {
  const routes = new Routes();
  await new MediaSession(routes).ready();
  await vi.advanceTimersByTimeAsync((HOUR_S - 301) * 1000);
  expect(routes.opened).toBe(1);
  await vi.advanceTimersByTimeAsync(2_000);
  expect(routes.opened).toBe(2);
  await vi.advanceTimersByTimeAsync((HOUR_S - 300) * 1000);
  expect(routes.opened).toBe(3);
});

test("who asks after the machine slept waits for a new session", async () => {
  const routes = new Routes();
  let now = 0;
  const media = new MediaSession(routes, () => now);
  await media.ready();
  now = 2 * HOUR_S * 1000;
  await media.ready();
  expect(routes.opened).toBe(2);
});

test("a failure is told to who waits, and the next one asks again", async () => {
  const routes = new Routes();
  routes.failures = 1;
  const media = new MediaSession(routes);
  await expect(media.ready()).rejects.toThrow("offline");
  await media.ready();
  expect(routes.opened).toBe(1);
});

test("at the end the cookies are taken back and never renewed", async () => {
  const routes = new Routes();
  const media = new MediaSession(routes);
  await media.ready();
  await media.close();
  await vi.advanceTimersByTimeAsync(2 * HOUR_S * 1000);
  expect([routes.opened, routes.closed]).toEqual([1, 1]);
});

test("a service that does not answer keeps nobody from signing out", async () => {
  const media = new MediaSession({
    openMedia: () => Promise.resolve({ expires_in_s: HOUR_S }),
    closeMedia: () => new Promise(() => undefined),
  });
  const closed = media.close();
  await vi.advanceTimersByTimeAsync(3_000);
  await closed;
});

test("pictures that do not open are asked for once more under a new session", async () => {
  const routes = new Routes();
  const media = new MediaSession(routes);
  await media.ready();
  await vi.advanceTimersByTimeAsync(60_000);
  const [gone, other] = [document.createElement("img"), document.createElement("img")];
  gone.setAttribute("src", "/media/t/ann/px/1/thumbnail.webp");
  other.setAttribute("src", "blob:here");
  document.body.append(gone, other);
  const asked = vi.spyOn(gone, "setAttribute");
  const stop = healPictures(document, () => media);
  for (const picture of [gone, other]) picture.dispatchEvent(new Event("error"));
  await vi.advanceTimersByTimeAsync(0);
  expect([routes.opened, asked.mock.calls.length]).toEqual([2, 1]);
  gone.dispatchEvent(new Event("error")); // it is really gone
  await vi.advanceTimersByTimeAsync(60_000);
  expect([routes.opened, asked.mock.calls.length]).toEqual([2, 1]);
  stop();
});
