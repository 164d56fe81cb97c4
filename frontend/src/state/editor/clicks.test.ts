import { expect, test } from "vitest";
import { screenPoint, unitBox, unitPoint } from "../../geometry/spaces.ts";
import {
  clicksOf,
  hitPoint,
  isEmpty,
  NO_CLICKS,
  promptOf,
  withBox,
  withChoice,
  withoutPoint,
  withPoint,
} from "./clicks.ts";

const clicked = withPoint(withPoint(NO_CLICKS, unitPoint(0.25, 0.5), true), unitPoint(0.75, 0.5), false);

test("a prompt needs something that is in the object", () => {
  expect(promptOf(NO_CLICKS)).toBeNull();
  expect(promptOf(withPoint(NO_CLICKS, unitPoint(0.1, 0.1), false))).toBeNull();
  expect(promptOf(clicked)?.points).toHaveLength(2);
  expect(promptOf(withBox(NO_CLICKS, unitBox(0, 0, 0.5, 0.5)))?.box).toEqual({
    left: 0,
    top: 0,
    right: 0.5,
    bottom: 0.5,
  });
});

test("clicks come back from the prompt that they made", () => {
  const all = withChoice(withBox(clicked, unitBox(0.1, 0.2, 0.3, 0.4)), "1");
  expect(clicksOf(promptOf(all), "1")).toEqual(all);
  expect(isEmpty(clicksOf(null, "best"))).toBe(true);
});

test("a point goes by its index, and a wrong index changes nothing", () => {
  expect(withoutPoint(clicked, 0).points).toEqual([{ x: 0.75, y: 0.5, positive: false }]);
  expect(withoutPoint(clicked, 7)).toBe(clicked);
});

test("there are never more points than the service takes", () => {
  let clicks = NO_CLICKS;
  for (let at = 0; at < 100; at++) clicks = withPoint(clicks, unitPoint(at / 100, 0.5), true);
  expect(clicks.points).toHaveLength(64);
});

test("a click means the nearest point within reach and the upper one of two at one place", () => {
  const places = [screenPoint(100, 100), screenPoint(120, 100), screenPoint(120, 100)];
  expect(hitPoint(places, screenPoint(104, 100))).toBe(0);
  expect(hitPoint(places, screenPoint(118, 100))).toBe(2);
  expect(hitPoint(places, screenPoint(150, 100))).toBeNull();
});
