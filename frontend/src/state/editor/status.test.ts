import { expect, test } from "vitest";
import { spokenLine, statusLine, type StatusFacts } from "./status.ts";

const idle: StatusFacts = {
  asking: null,
  found: null,
  isStopped: false,
  hasClicks: false,
  tool: "point",
  hasCorner: false,
  tier: "rest",
};

test("what was found is said with its share and the segmenter's confidence", () => {
  const found = { share: 0.0731, score: 0.912, isGiven: false };
  expect(statusLine({ ...idle, found })).toBe("Selected 7.3 %, confidence 0.91");
  expect(statusLine({ ...idle, found: { ...found, isGiven: true } })).toBe("Selected 7.3 %");
  expect(statusLine({ ...idle, found: { ...found, share: 0.0001 } })).toContain("under 0.1 %");
  expect(statusLine({ ...idle, found: { ...found, share: 0 } })).toContain("Nothing found");
});

test("waiting says for what and for how long", () => {
  expect(statusLine({ ...idle, asking: { seconds: 0, waitsFor: null } })).toBe("Looking …");
  expect(statusLine({ ...idle, asking: { seconds: 12, waitsFor: "model_unavailable" } })).toBe(
    "Starting the segmenter … 12 s",
  );
  expect(statusLine({ ...idle, asking: { seconds: 3, waitsFor: "offline" } })).toContain("connection");
  expect(statusLine({ ...idle, asking: { seconds: 3, waitsFor: "rate_limited" } })).toContain("busy");
});

test("a wait that was stopped does not claim an older mask", () => {
  expect(statusLine({ ...idle, isStopped: true, hasClicks: true })).toContain("Stopped");
});

test("the seconds are not read aloud one by one", () => {
  const spoken = (seconds: number) => spokenLine({ ...idle, asking: { seconds, waitsFor: "model_unavailable" } });
  expect(new Set(Array.from({ length: 15 }, (_, at) => spoken(at))).size).toBe(1);
  expect(spoken(31)).toContain("30 s");
});

test("the line says whether pointing previews, and what is missing", () => {
  expect(statusLine(idle)).toContain("preview");
  expect(statusLine({ ...idle, tier: "click" })).toContain("Previews are off");
  expect(statusLine({ ...idle, tool: "box" })).toContain("box");
  expect(statusLine({ ...idle, hasClicks: true })).toContain("in the object");
  expect(statusLine({ ...idle, hasCorner: true })).toContain("opposite corner");
});
