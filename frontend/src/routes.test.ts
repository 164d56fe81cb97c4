import { expect, test } from "vitest";
import { href, parse, type Route } from "./routes.ts";

const ROUTES: Route[] = [
  { screen: "datasets" },
  { screen: "images", dataset: "d1" },
  { screen: "templates", dataset: "d1" },
  { screen: "editor", dataset: "d1", template: null, image: "i1" },
  { screen: "editor", dataset: "d1", template: "t1", image: null },
  { screen: "recipe", dataset: "d1" },
  { screen: "jobs", dataset: "d1" },
  { screen: "jobs", dataset: null },
  { screen: "job", job: "j1" },
  { screen: "account" },
];

test.each(ROUTES)("the address of %o names it again", (route) => {
  expect(parse(href(route))).toEqual(route);
});

test("an address that names nothing says so", () => {
  expect(parse("#/elsewhere")).toEqual({ screen: "missing" });
  expect(parse("#/datasets/d1/elsewhere")).toEqual({ screen: "missing" });
  expect(parse("#/datasets/%E0%A4%A")).toEqual({ screen: "images", dataset: "%E0%A4%A" });
});
