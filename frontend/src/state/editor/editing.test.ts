import { expect, test } from "vitest";
import { ApiError } from "../../api/problem.ts";
import type { ImageView, TemplateView } from "../../api/types.ts";
import { unitPoint } from "../../geometry/spaces.ts";
import type { Answering } from "./answering.ts";
import { Clicking } from "./clicking.svelte.ts";
import { Editing, type Around } from "./editing.svelte.ts";
import { NEUTRAL } from "./form.ts";

const image = { image_id: "i1", status: "ready", normal: { size: { height_px: 4, width_px: 4 } } } as ImageView;
const saved: TemplateView = {
  template_id: "t1",
  name: "cap",
  colour: "#2f9bff",
  placement: "fixed",
  choice: "best",
  refinement: NEUTRAL,
  prompt: { points: [{ x: 0.5, y: 0.5, positive: true }], box: null, previous: null },
  reference_image_id: "i1",
  overrides: {},
};

class Store implements Storage {
  readonly kept = new Map<string, string>();
  [name: string]: unknown;
  get length(): number {
    return this.kept.size;
  }
  key = (at: number): string | null => [...this.kept.keys()][at] ?? null;
  getItem = (key: string): string | null => this.kept.get(key) ?? null;
  setItem = (key: string, value: string): void => void this.kept.set(key, value);
  removeItem = (key: string): void => void this.kept.delete(key);
  clear = (): void => this.kept.clear();
}

/** A service with one template, which somebody else may change. */
function service() {
  const store = new Store();
  const state = { template: saved, version: 1, sent: [] as unknown[] };
  const answer = (body: TemplateView) => ({ body, status: 200, etag: `"${state.version}"`, retryAfterS: null });
  const around: Around = {
    api: () => ({
      images: () => Promise.resolve({ items: [image], next_cursor: null }),
      image: () => Promise.resolve(image),
      templates: () => Promise.resolve({ items: [state.template], next_cursor: null }),
      template: () => Promise.resolve(answer(state.template)),
      createTemplate: (_dataset, body) => {
        state.sent.push(body);
        return Promise.resolve(answer({ ...saved, ...(body as object), template_id: "t2" }));
      },
      changeTemplate: (_dataset, _template, body, etag) => {
        if (etag && etag !== `"${state.version}"`) {
          return Promise.reject(new ApiError("precondition_failed", "", { status: 412 }));
        }
        state.version++;
        state.template = { ...state.template, ...(body as object) };
        return Promise.resolve(answer(state.template));
      },
    }),
    store: () => store,
    clicking: (dataset, changed) => {
      const quiet = {
        prepare: () => undefined,
        known: () => null,
        find: () => new Promise(() => undefined),
        close: () => undefined,
      } as Partial<Answering> as Answering;
      return new Clicking(dataset, { changed, answering: () => quiet });
    },
  };
  return { around, state, store };
}

async function opened(around: Around, template: string | null = "t1"): Promise<Editing> {
  const editing = new Editing("d", around);
  await editing.load(template, null);
  return editing;
}

test("a template that was only looked at is not changed, and leaves no draft", async () => {
  const { around, store } = service();
  const editing = await opened(around);
  editing.keep();
  expect(editing.isDirty).toBe(false);
  expect(store.length).toBe(0);
});

test("what was not saved comes back after a reload, and goes with saving", async () => {
  const { around, store } = service();
  const editing = await opened(around);
  editing.clicking.add(unitPoint(0.25, 0.25), false);
  editing.keep();
  const again = await opened(around);
  expect(again.isRestored).toBe(true);
  expect(again.form.prompt?.points).toHaveLength(2);
  expect(await again.save()).toBe(true);
  expect(store.length).toBe(0);
  expect((await opened(around)).isRestored).toBe(false);
});

test("a change by somebody else is not overwritten unless that is wanted", async () => {
  const { around, state } = service();
  const editing = await opened(around);
  editing.name = "hat";
  state.version = 7;
  state.template = { ...saved, colour: "#000000" };
  expect(await editing.save()).toBe(false);
  expect(editing.isConflict).toBe(true);
  expect(state.template.name).toBe("cap");
  expect(await editing.save(true)).toBe(true);
  expect(state.template.name).toBe("hat");
});

test("taking what somebody else has saved drops what is here", async () => {
  const { around, state } = service();
  const editing = await opened(around);
  editing.name = "hat";
  state.version = 7;
  state.template = { ...saved, colour: "#000000" };
  await editing.save();
  await editing.reload();
  expect(editing.colour).toBe("#000000");
  expect(editing.name).toBe("cap");
  expect(editing.isDirty).toBe(false);
});

test("a new template is made on the picture that it was clicked on, under a name that is free", async () => {
  const { around, state } = service();
  const editing = await opened(around, null);
  expect(editing.isDirty).toBe(false);
  expect(editing.faults).toEqual(["no_prompt"]);
  editing.clicking.add(unitPoint(0.25, 0.25), true);
  expect(editing.faults).toEqual([]);
  expect(await editing.save()).toBe(true);
  expect(state.sent).toMatchObject([{ name: "object", reference_image_id: "i1", placement: "fixed" }]);
  expect(editing.id).toBe("t2");
  expect(editing.isDirty).toBe(false);
});
