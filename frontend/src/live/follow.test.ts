import { expect, test } from "vitest";
import { ApiError } from "../api/problem.ts";
import type { Counts, Event, ItemStatus, JobEvents, JobStatus, JobView } from "../api/schema.ts";
import { FakeClock, FakeWire, settled } from "./fakes.ts";
import { Follower } from "./follow.ts";
import { LiveSocket } from "./socket.ts";

const NONE: Counts = {
  pending: 0,
  segmenting: 0,
  rendering: 0,
  done: 0,
  failed: 0,
  no_match: 0,
  skipped: 0,
  cancelled: 0,
};

/** A service with one job of two items, that counts what it is asked. */
class Service {
  status: JobStatus = "running";
  events: Event[] = [];
  asked = { job: 0, notModified: 0, events: 0 };
  isDown = false;
  #tag = 0;

  happens(status: JobStatus, items: [number, ItemStatus][] = []): void {
    this.status = status;
    this.#tag++;
    this.events.push({
      seq: this.events.length + 1,
      at: "2026-11-21T12:00:00Z",
      status,
      counts: NONE,
      items: items.map(([index, state]) => ({ index, status: state })),
      items_truncated: false,
      exports: [],
    });
  }

  job(_id: string, etag?: string | null) {
    this.asked.job++;
    if (this.isDown) return Promise.reject(new ApiError("offline", ""));
    const now = `"${this.#tag}"`;
    if (etag === now) this.asked.notModified++;
    const body = etag === now ? undefined : view(this.status);
    return Promise.resolve({ body, status: body ? 200 : 304, etag: now, retryAfterS: null });
  }

  eventsOf(since: number): Promise<JobEvents> {
    this.asked.events++;
    const items = this.events.filter(({ seq }) => seq > since);
    return Promise.resolve({ items, next_since: items.at(-1)?.seq ?? since, is_complete: true, job: null });
  }
}

function view(status: JobStatus): JobView {
  return {
    job_id: "j1",
    dataset_id: "d1",
    status,
    items: NONE,
    items_total: 2,
    waiting_for_gpu: false,
    cancel_requested: false,
    created_at: "2026-11-21T12:00:00Z",
    finished_at: null,
    refusal: null,
    recipe: {} as JobView["recipe"],
    dataset_bytes: null,
    retry_of: null,
    retried_by: [],
    cost: { estimate: null, actual: null },
    exports: [],
  };
}

function stage({ isHidden = false, hasSocket = true } = {}) {
  const clock = new FakeClock();
  const service = new Service();
  const wires: FakeWire[] = [];
  const socket = new LiveSocket({
    clock,
    address: () => (hasSocket ? Promise.resolve("wss://live") : Promise.reject(new ApiError("unavailable", ""))),
    open: () => {
      const wire = new FakeWire();
      wires.push(wire);
      return wire;
    },
  });
  const seen = { states: [] as JobStatus[], items: new Map<number, ItemStatus>(), troubles: [] as unknown[] };
  const page = { isHidden };
  const follower = new Follower("j1", {
    clock,
    socket,
    source: { job: (id, etag) => service.job(id, etag), events: (_id, since) => service.eventsOf(since) },
    isHidden: () => page.isHidden,
    onJob: (job) => seen.states.push(job.status),
    onItems: (changed) => changed?.forEach((status, index) => seen.items.set(index, status)),
    onTrouble: (error) => seen.troubles.push(error),
  });
  const open = async (): Promise<void> => {
    await settled();
    wires.at(-1)?.opens();
    await settled();
  };
  return { clock, service, socket, wires, seen, page, follower, open };
}

test("a hint leads to reading, and one that comes twice does not", async () => {
  const { service, wires, seen, follower, open } = stage();
  follower.start();
  await open();
  service.happens("running", [[0, "done"]]);
  wires[0]?.says("j1", 1);
  await settled();
  const { events } = service.asked;
  wires[0]?.says("j1", 1);
  wires[0]?.says("j2", 7);
  await settled();
  expect(service.asked.events).toBe(events);
  expect(seen.items.get(0)).toBe("done");
});

test("a hint that is lost costs a minute at most, and nothing that happened is missed", async () => {
  const { clock, service, seen, follower, open } = stage();
  follower.start();
  await open();
  service.happens("running", [[0, "rendering"]]);
  service.happens("running", [[0, "done"]]);
  service.happens("succeeded", [[1, "done"]]);
  await clock.pass(59_000);
  expect(seen.states).not.toContain("succeeded");
  await clock.pass(1_000);
  expect(seen.states.at(-1)).toBe("succeeded");
  expect([...seen.items]).toEqual([
    [0, "done"],
    [1, "done"],
  ]);
});

test("many hints while a reading runs lead to one more", async () => {
  const { service, wires, follower, open } = stage();
  follower.start();
  await open();
  const { job } = service.asked;
  for (let seq = 1; seq <= 10; seq++) {
    service.happens("running");
    wires[0]?.says("j1", seq);
  }
  await settled();
  expect(service.asked.job - job).toBeLessThanOrEqual(2);
});

test("without a socket the job is asked for, ever more slowly while nothing changes", async () => {
  const { clock, service, follower } = stage({ hasSocket: false });
  follower.start();
  await clock.pass(60_000);
  const { job, notModified } = service.asked;
  expect(job).toBeGreaterThanOrEqual(7);
  expect(job).toBeLessThanOrEqual(12);
  expect(notModified).toBe(job - 1);
});

test("a change makes the asking quick again", async () => {
  const { clock, service, seen, follower } = stage({ hasSocket: false });
  follower.start();
  await clock.pass(60_000);
  service.happens("running");
  await clock.pass(10_000);
  const { job } = service.asked;
  await clock.pass(2_500);
  expect(service.asked.job).toBe(job + 1);
  expect(seen.states).toHaveLength(2);
});

test("a hidden page without a socket asks nothing until it is seen", async () => {
  const { clock, service, page, follower } = stage({ hasSocket: false, isHidden: true });
  follower.start();
  await clock.pass(10 * 60_000);
  expect(service.asked.job).toBe(1);
  page.isHidden = false;
  follower.look();
  await clock.pass(6_000);
  expect(service.asked.job).toBe(3);
});

test("a service that cannot be reached is asked again, and the trouble ends", async () => {
  const { clock, service, seen, follower } = stage({ hasSocket: false });
  service.isDown = true;
  follower.start();
  await clock.pass(5_000);
  expect(seen.troubles.at(-1)).toBeInstanceOf(ApiError);
  service.isDown = false;
  await clock.pass(10_000);
  expect(seen.troubles.at(-1)).toBe(null);
  expect(seen.states).toEqual(["running"]);
});

test("an ended job is left alone", async () => {
  const { clock, service, follower } = stage({ hasSocket: false });
  service.happens("succeeded");
  follower.start();
  await clock.pass(60_000);
  expect(service.asked.job).toBe(1);
});

test("who stopped following hears nothing and asks nothing", async () => {
  const { clock, service, wires, follower, open } = stage();
  follower.start();
  await open();
  const { job } = service.asked;
  follower.stop();
  service.happens("succeeded");
  await clock.pass(120_000);
  expect(service.asked.job).toBe(job);
  expect(wires[0]?.isClosed).toBe(true);
});
