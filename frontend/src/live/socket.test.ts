import { expect, test } from "vitest";
import { FakeClock, FakeWire, settled } from "./fakes.ts";
import { hintIn, LiveSocket, type Hint } from "./socket.ts";

function stage(): { clock: FakeClock; wires: FakeWire[]; socket: LiveSocket; heard: Hint[]; open: boolean[] } {
  const clock = new FakeClock();
  const wires: FakeWire[] = [];
  const heard: Hint[] = [];
  const open: boolean[] = [];
  const socket = new LiveSocket({
    clock,
    address: () => Promise.resolve("wss://live"),
    open: () => {
      const wire = new FakeWire();
      wires.push(wire);
      return wire;
    },
  });
  return { clock, wires, socket, heard, open };
}

test("a socket is open while somebody listens, and passes on what concerns jobs", async () => {
  const { wires, socket, heard, open } = stage();
  const stop = socket.listen(
    (hint) => heard.push(hint),
    (isOpen) => open.push(isOpen),
  );
  await settled();
  wires[0]?.opens();
  wires[0]?.says("j1", 3);
  wires[0]?.tells('{"type":"pong"}');
  wires[0]?.tells("not JSON");
  expect(heard).toEqual([{ job: "j1", seq: 3 }]);
  stop();
  expect(wires[0]?.isClosed).toBe(true);
  expect(open).toEqual([true]);
});

test("a socket that closes is opened again after growing pauses, and soon after it was steady", async () => {
  const { clock, wires, socket } = stage();
  socket.listen(
    () => undefined,
    () => undefined,
  );
  await settled();
  wires[0]?.close();
  await clock.pass(999);
  expect(wires).toHaveLength(1);
  await clock.pass(1);
  expect(wires).toHaveLength(2);
  wires[1]?.close();
  await clock.pass(1_999);
  expect(wires).toHaveLength(2);
  await clock.pass(1);
  expect(wires).toHaveLength(3);
  wires[2]?.opens();
  await clock.pass(60_000);
  wires[2]?.close();
  await clock.pass(1_000);
  expect(wires).toHaveLength(4);
});

test("a network that is back does not wait for the end of a pause", async () => {
  const { wires, socket } = stage();
  socket.listen(
    () => undefined,
    () => undefined,
  );
  await settled();
  for (let failure = 0; failure < 3; failure++) {
    wires.at(-1)?.close();
    socket.hurry();
    await settled();
  }
  expect(wires).toHaveLength(4);
});

test("an open socket is pinged before the gateway closes it for its silence", async () => {
  const { clock, wires, socket } = stage();
  socket.listen(
    () => undefined,
    () => undefined,
  );
  await settled();
  wires[0]?.opens();
  await clock.pass(9 * 60_000);
  expect(wires[0]?.sent).toEqual(['{"type":"ping"}', '{"type":"ping"}']);
});

test("what an older socket still says is not heard", async () => {
  const { clock, wires, socket, heard } = stage();
  socket.listen(
    (hint) => heard.push(hint),
    () => undefined,
  );
  await settled();
  wires[0]?.close();
  await clock.pass(1_000);
  wires[0]?.says("j1", 9);
  expect(heard).toEqual([]);
});

test("only messages of jobs are hints", () => {
  expect(hintIn('{"type":"job","job_id":"j","seq":2,"status":"running"}')).toEqual({ job: "j", seq: 2 });
  expect(["", "null", "[]", '{"type":"job","job_id":"j"}', '{"type":"ping"}'].map(hintIn)).toEqual(
    Array.from({ length: 5 }, () => null),
  );
});

test("a socket that nobody needs any more is closed once it is open, not before", async () => {
  const { socket, wires } = stage();
  const leave = socket.listen(
    () => undefined,
    () => undefined,
  );
  await settled();
  leave();
  expect(wires[0]?.isClosed).toBe(false);
  wires[0]?.opens();
  expect(wires[0]?.isClosed).toBe(true);
});
