/** A template being made or changed: its form and its clicks, its draft in this tab, and saving it. It shows nothing. */
import type { Api } from "../../api/client.ts";
import type { Answer } from "../../api/http.ts";
import { ApiError } from "../../api/problem.ts";
import type { ImageView, Placement, Refinement, TemplateView } from "../../api/types.ts";
import { app } from "../app.svelte.ts";
import { Draft } from "../draft.ts";
import { ImageList } from "../images.svelte.ts";
import { Clicking } from "./clicking.svelte.ts";
import { clicksOf, promptOf } from "./clicks.ts";
import { faults, formOf, isSame, NEUTRAL, newForm, type TemplateForm } from "./form.ts";

const DRAFT_VERSION = 1;

interface Kept {
  readonly form: TemplateForm;
  readonly etag: string | null;
  readonly image: string | null;
}

type Used = "images" | "image" | "templates" | "template" | "createTemplate" | "changeTemplate";

/** What an Editing stands in. */
export interface Around {
  api(): Pick<Api, Used>;
  store(): Storage;
  clicking(dataset: string, changed: () => void): Clicking;
}

const OF_THE_PAGE: Around = {
  api: () => app.api,
  store: () => globalThis.sessionStorage,
  clicking: (dataset, changed) => new Clicking(dataset, { changed }),
};

export class Editing {
  template = $state.raw<TemplateView | null>(null);
  name = $state("");
  colour = $state("#ff5a36");
  reference = $state<string | null>(null);
  base = $state.raw<TemplateForm>(newForm([]));
  /** All templates of the dataset, this one included once it is saved. */
  all = $state.raw<readonly TemplateView[]>([]);
  isReady = $state(false);
  isSaving = $state(false);
  isRestored = $state(false);
  /** Somebody else has saved this template since it was read. */
  isConflict = $state(false);
  error = $state.raw<unknown>(null);
  saveError = $state.raw<unknown>(null);
  readonly dataset: string;
  readonly clicking: Clicking;
  readonly images: ImageList;
  readonly form = $derived.by<TemplateForm>(() => ({
    name: this.name,
    colour: this.colour,
    placement: this.clicking.placement,
    choice: this.clicking.clicks.choice,
    refinement: this.clicking.refinement,
    prompt: promptOf(this.clicking.clicks),
    reference_image_id: this.reference,
  }));
  readonly isDirty = $derived(this.isReady && !isSame(this.form, this.base));
  readonly taken = $derived(this.all.filter((one) => one.template_id !== this.id).map((one) => one.name));
  readonly faults = $derived(faults(this.form, this.taken));
  readonly #around: Around;
  #etag: string | null = null;
  #draft: Draft<Kept>;

  constructor(dataset: string, around: Around = OF_THE_PAGE) {
    this.dataset = dataset;
    this.#around = around;
    this.clicking = around.clicking(dataset, () => {
      this.reference = this.clicking.image?.image_id ?? this.reference;
    });
    this.images = new ImageList((cursor, signal) => around.api().images(dataset, { status: "ready", cursor }, signal));
    this.#draft = this.#draftOf(null);
  }

  get id(): string | null {
    return this.template?.template_id ?? null;
  }

  async load(template: string | null, image: string | null): Promise<void> {
    this.error = null;
    try {
      const [all, answer] = await Promise.all([
        this.#around.api().templates(this.dataset),
        template ? this.#around.api().template(this.dataset, template) : null,
      ]);
      this.all = all.items;
      this.#draft = this.#draftOf(template);
      const kept = this.#draft.read();
      this.#take(answer, kept?.form ?? null);
      if (kept && answer) this.#etag = kept.etag;
      await this.#open(image ?? kept?.image ?? this.reference);
      this.isReady = true;
      this.isRestored = kept !== null && this.isDirty;
      void this.images.all();
    } catch (error) {
      this.error = error;
    }
  }

  /** Look at another picture; the clicks stay where they are. */
  async look(image: string): Promise<void> {
    try {
      this.clicking.show(await this.#around.api().image(this.dataset, image));
    } catch (error) {
      app.say(error instanceof ApiError ? error.message : "", "bad");
    }
  }

  /** The picture beside this one; null at the end. */
  beside(step: 1 | -1): ImageView | null {
    const at = this.images.items.findIndex((one) => one.image_id === this.clicking.image?.image_id);
    return at < 0 ? null : (this.images.items[at + step] ?? null);
  }

  /** Keep what is not saved in this tab. */
  keep(): void {
    if (!this.isReady || this.isSaving) return;
    if (this.isDirty) {
      this.#draft.write({ form: this.form, etag: this.#etag, image: this.clicking.image?.image_id ?? null });
    } else this.#draft.clear();
  }

  /** Back to what is saved. */
  discard(): void {
    this.isRestored = false;
    this.#fill(this.base);
    this.clicking.ask();
    this.#draft.clear();
  }

  /** Save; false where something has to be decided or corrected first. */
  async save(isForced = false): Promise<boolean> {
    this.isSaving = true;
    this.saveError = null;
    try {
      this.#saved(await this.#sent(isForced));
      return true;
    } catch (error) {
      this.isConflict = error instanceof ApiError && error.code === "precondition_failed";
      if (!this.isConflict) this.saveError = error;
      return false;
    } finally {
      this.isSaving = false;
    }
  }

  /** Take what somebody else has saved instead of what is here. */
  async reload(): Promise<void> {
    const { id } = this;
    if (id === null) return;
    this.isConflict = false;
    this.#draft.clear();
    try {
      this.#take(await this.#around.api().template(this.dataset, id), null);
      this.clicking.ask();
    } catch (error) {
      this.saveError = error;
    }
  }

  /** A template as the service has just answered it, with the form as it stands here. */
  update(answer: Answer<TemplateView>): void {
    this.template = answer.body;
    this.#etag = answer.etag;
  }

  refine(refinement: Partial<Refinement>): void {
    this.clicking.refinement = { ...this.clicking.refinement, ...refinement };
  }

  place(placement: Placement): void {
    this.clicking.place(placement);
  }

  stop(): void {
    this.clicking.stop();
    this.images.stop();
  }

  async #sent(isForced: boolean): Promise<Answer<TemplateView>> {
    const form = $state.snapshot(this.form) as TemplateForm;
    if (this.id === null) return this.#around.api().createTemplate(this.dataset, form, crypto.randomUUID());
    return this.#around.api().changeTemplate(this.dataset, this.id, form, isForced ? null : this.#etag);
  }

  #saved(answer: Answer<TemplateView>): void {
    this.#draft.clear();
    this.isConflict = false;
    this.isRestored = false;
    this.update(answer);
    this.base = formOf(answer.body);
    const others = this.all.filter((one) => one.template_id !== answer.body.template_id);
    this.all = [...others, answer.body];
    this.#draft = this.#draftOf(answer.body.template_id);
  }

  #take(answer: Answer<TemplateView> | null, kept: TemplateForm | null): void {
    this.template = answer?.body ?? null;
    this.#etag = answer?.etag ?? null;
    this.base = answer ? formOf(answer.body) : newForm(this.all);
    this.#fill(kept ?? this.base);
  }

  #fill(form: TemplateForm): void {
    this.name = form.name;
    this.colour = form.colour;
    this.reference = form.reference_image_id;
    this.clicking.load(clicksOf(form.prompt, form.choice), form.placement);
    this.clicking.refinement = form.refinement ?? NEUTRAL;
  }

  /** The picture to begin on: the one that is asked for, or the first that is ready. */
  async #open(image: string | null): Promise<void> {
    const found = image
      ? await this.#around
          .api()
          .image(this.dataset, image)
          .catch(() => null)
      : null;
    const isReady = found?.status === "ready";
    const first = isReady
      ? found
      : (await this.#around.api().images(this.dataset, { status: "ready", limit: 1 })).items[0];
    if (!first) return;
    this.clicking.show(first);
    this.reference ??= first.image_id;
    if (this.base.reference_image_id === null) this.base = { ...this.base, reference_image_id: this.reference };
  }

  #draftOf(template: string | null): Draft<Kept> {
    return new Draft<Kept>(`template.${this.dataset}.${template ?? "new"}`, DRAFT_VERSION, this.#around.store());
  }
}
