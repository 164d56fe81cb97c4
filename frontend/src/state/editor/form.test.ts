import { expect, test } from "vitest";
import { faults, freeName, isSame, newForm, type TemplateForm } from "./form.ts";

const prompt = { points: [{ x: 0.1, y: 0.2, positive: true }], box: null, previous: null };

test("a new template takes a name and a colour that are free", () => {
  const form = newForm([{ name: "object", colour: "#ff5a36" }]);
  expect(form.name).toBe("object-2");
  expect(form.colour).toBe("#2f9bff");
  expect(freeName("a", ["a", "a-2", "a-3"])).toBe("a-4");
});

test("what keeps a template from being saved is named", () => {
  const form = newForm([]);
  expect(faults(form, [])).toEqual(["no_prompt"]);
  expect(faults({ ...form, prompt }, [])).toEqual([]);
  expect(faults({ ...form, placement: "whole" }, [])).toEqual([]);
  expect(faults({ ...form, prompt, name: "" }, [])).toEqual(["no_name"]);
  expect(faults({ ...form, prompt, name: "my cap" }, [])).toEqual(["bad_name"]);
  expect(faults({ ...form, prompt, name: "cap" }, ["cap"])).toEqual(["taken_name"]);
  expect(faults({ ...form, prompt, name: "x".repeat(200) }, [])).toEqual(["long_name"]);
});

test("the order in which the service names fields makes no change", () => {
  const form: TemplateForm = { ...newForm([]), prompt };
  const turned = { ...form, prompt: { previous: null, box: null, points: [{ positive: true, y: 0.2, x: 0.1 }] } };
  expect(isSame(form, turned)).toBe(true);
  expect(isSame(form, { ...form, refinement: { ...form.refinement, grow_px: 1 } })).toBe(false);
});
