import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { editorWords } from "../../words/editor.ts";
import { BINDINGS, keyName } from "./keys.ts";

const PAGE = readFileSync(new URL("../../../../docs/page.md", import.meta.url), "utf8");

test.each(BINDINGS)("the manual names the keys of $action as they are", ({ action, keys }) => {
  const named = keys.map((key) => `\`${keyName(key)}\``).join(" ");
  expect(PAGE).toContain(`| ${named} | ${editorWords.actions[action]} |`);
});

test.each(editorWords.mouse)("the manual says what “%s” does", (gesture, does) => {
  expect(PAGE).toContain(`| ${gesture} | ${does} |`);
});
