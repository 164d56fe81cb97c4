import { expect, test } from "vitest";
import { ApiError } from "../api/problem.ts";
import type { ExportStatus, ExportView } from "../api/types.ts";
import { madeExport } from "./made-export.ts";

const FILES = ["archive-001-of-002.zip", "archive-002-of-002.zip"].map((name) => ({
  name,
  size_bytes: 7,
  sha256: "0",
  url: `https://media/t/ann/${name}`,
}));
const REFUSAL = { code: "internal", message: "A picture could not be read. Try it again." };

function view(status: ExportStatus, parts = 0): ExportView {
  return {
    format: "archive",
    status,
    created_at: null,
    finished_at: null,
    seconds: 0,
    parts,
    size_bytes: 0,
    receipt: null,
    receipt_url: null,
    refusal: status === "failed" ? REFUSAL : null,
    files: status === "ready" ? FILES : [],
  };
}

/** An export that is asked for, and then seen in these states one after the other. */
function stage(status: ExportStatus | undefined, ...seen: ExportView[]) {
  const did: (string | number)[] = [];
  const abort = new AbortController();
  const last = seen.at(-1) ?? view("ready");
  const source = {
    start: () => {
      did.push("start");
      return Promise.resolve(view("making"));
    },
    read: () => {
      did.push("read");
      const body = seen.shift() ?? last;
      const isOpen = body.status === "making" || body.status === "waiting";
      return Promise.resolve({ body, status: isOpen ? 202 : 200, etag: null, retryAfterS: isOpen ? 3 : null });
    },
  };
  const parts: number[] = [];
  const files = madeExport(
    source,
    { status, signal: abort.signal, onParts: (made) => parts.push(made) },
    (seconds, signal) => {
      did.push(seconds);
      return signal?.aborted ? Promise.reject(signal.reason) : Promise.resolve();
    },
  );
  return { abort, did, files, parts };
}

test("one that is ready is read at once, and nobody waits", async () => {
  const { did, files, parts } = stage("ready");
  expect(await files).toEqual(FILES);
  expect(did).toEqual(["read"]);
  expect(parts).toEqual([]);
});

test("one that nobody has asked for is asked for once and waited for as the service says", async () => {
  const { did, files, parts } = stage(undefined, view("making"), view("making", 1), view("ready", 2));
  expect(await files).toEqual(FILES);
  expect(did).toEqual(["start", "read", 3, "read", 3, "read"]);
  expect(parts).toEqual([0, 0, 1]);
});

test("one that is on its way is not asked for again", async () => {
  const { did, files } = stage("making", view("making", 1), view("ready", 2));
  expect(await files).toEqual(FILES);
  expect(did).toEqual(["read", 3, "read"]);
});

test("one that failed before is asked for again, and its new failure is said with its reason", async () => {
  const { did, files } = stage("failed", view("making"), view("failed"));
  await expect(files).rejects.toEqual(new ApiError(REFUSAL.code, REFUSAL.message));
  expect(did).toEqual(["start", "read", 3, "read"]);
});

test("who leaves gets no files and asks for nothing more", async () => {
  const { abort, did, files } = stage("making", view("making"));
  abort.abort(new Error("left"));
  await expect(files).rejects.toThrow("left");
  expect(did).toEqual(["read"]);
});
