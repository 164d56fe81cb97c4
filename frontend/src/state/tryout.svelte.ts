/** A template tried on a few images of its set, and what was put right there by hand. It shows nothing. */
import type { Answer } from "../api/http.ts";
import { ApiError } from "../api/problem.ts";
import type { ImageView, Prompt, TemplateView } from "../api/types.ts";
import type { Rle } from "../masks/rle.ts";
import { app } from "./app.svelte.ts";
import { isFixedByHand } from "./editor/placed.ts";
import { foundOn } from "./editor/others.svelte.ts";
import { CARD_SIDE, shownMask } from "./editor/shown.ts";
import { ImageList } from "./images.svelte.ts";
import { doubtOf, inTurn, spread, type Doubt } from "./tryoutPick.ts";

export interface Tried {
  readonly image: ImageView;
  readonly state: "waiting" | "asking" | "found" | "failed";
  readonly rle: Rle | null;
  readonly score: number;
  /** Of the image, after the template's refinement. */
  readonly share: number;
  readonly doubt: Doubt | null;
  readonly error: unknown;
}

/** How a change of the fixed images ended. */
export type FixEnd = "done" | "conflict" | "too_many";

export class TryingOut {
  tried = $state.raw<readonly Tried[]>([]);
  template = $state.raw<TemplateView>() as TemplateView;
  isRunning = $state(false);
  error = $state.raw<unknown>(null);
  /** Images that it may be tried on. */
  all = $state(0);
  readonly done = $derived(this.tried.filter((one) => one.state === "found" || one.state === "failed").length);
  readonly doubtful = $derived(
    this.tried.filter(
      (one) => (one.state === "found" && one.doubt !== null && !this.isFixed(one.image)) || one.state === "failed",
    ).length,
  );
  readonly found = $derived(this.tried.filter((one) => one.state === "found").length);
  readonly #dataset: string;
  readonly #images: ImageList;
  readonly #onchange: (answer: Answer<TemplateView>) => void;
  #etag: string | null = null;
  #round = 0;
  #running = new AbortController();

  constructor(dataset: string, template: TemplateView, onchange: (answer: Answer<TemplateView>) => void) {
    this.#dataset = dataset;
    this.template = template;
    this.#onchange = onchange;
    this.#images = new ImageList((cursor, signal) => app.api.images(dataset, { status: "ready", cursor }, signal));
  }

  get hasOthers(): boolean {
    return this.all > this.tried.length;
  }

  isFixed(image: ImageView): boolean {
    return isFixedByHand(this.template, image.image_id);
  }

  async start(): Promise<void> {
    this.error = null;
    try {
      await Promise.all([this.#read(), this.#images.all()]);
      if (this.#images.error) throw this.#images.error;
    } catch (error) {
      this.error = error;
      return;
    }
    await this.#try();
  }

  /** Others of the set. */
  async others(): Promise<void> {
    this.#round++;
    await this.#try();
  }

  /** Go on with those that wait, after a stop. */
  async goOn(): Promise<void> {
    await this.#run(this.tried.filter((one) => one.state === "waiting").map((one) => one.image));
  }

  stop(): void {
    this.#running.abort();
    this.isRunning = false;
    this.tried = this.tried.map((one) => (one.state === "asking" ? { ...one, state: "waiting" } : one));
  }

  close(): void {
    this.stop();
    this.#images.stop();
  }

  /** Give an image a prompt of its own, or, with null, that of the template again; it is tried anew. */
  async fix(image: ImageView, prompt: Prompt | null): Promise<FixEnd> {
    const { [image.image_id]: _, ...others } = this.template.overrides;
    const overrides = prompt ? { ...others, [image.image_id]: prompt } : others;
    if (Object.keys(overrides).length > (app.limits?.overrides_per_template_max ?? Infinity)) return "too_many";
    try {
      this.#take(await app.api.changeTemplate(this.#dataset, this.template.template_id, { overrides }, this.#etag));
    } catch (error) {
      if (!(error instanceof ApiError) || error.code !== "precondition_failed") throw error;
      await this.#read();
      return "conflict";
    }
    this.#again(image);
    return "done";
  }

  async #read(): Promise<void> {
    this.#take(await app.api.template(this.#dataset, this.template.template_id));
  }

  #take(answer: Answer<TemplateView>): void {
    this.template = answer.body;
    this.#etag = answer.etag;
    this.#onchange(answer);
  }

  async #try(): Promise<void> {
    const others = this.#images.items.filter((image) => image.image_id !== this.template.reference_image_id);
    const images = others.length > 0 ? others : this.#images.items;
    this.all = images.length;
    const picked = spread(images, this.#round);
    this.tried = picked.map(waiting);
    await this.#run(picked);
  }

  /** Beside whatever else is being tried. */
  #again(image: ImageView): void {
    if (this.#running.signal.aborted) this.#running = new AbortController();
    void this.#one(image, this.#running.signal);
  }

  async #run(images: readonly ImageView[]): Promise<void> {
    if (this.isRunning) this.stop();
    const running = new AbortController();
    this.#running = running;
    this.isRunning = true;
    await inTurn(images, (image) => this.#one(image, running.signal), running.signal);
    if (this.#running === running) this.isRunning = false;
  }

  async #one(image: ImageView, signal: AbortSignal): Promise<void> {
    this.#put({ ...waiting(image), state: "asking" });
    try {
      const found = await foundOn(this.template, image, signal);
      if (signal.aborted) return;
      const rle = found?.rle ?? null;
      const share = rle ? shownMask(rle, this.template.refinement, CARD_SIDE).share : 0;
      const score = found?.score ?? 0;
      this.#put({ ...waiting(image), state: "found", rle, score, share, doubt: doubtOf(share, score) });
    } catch (error) {
      if (!signal.aborted) this.#put({ ...waiting(image), state: "failed", error });
    }
  }

  #put(one: Tried): void {
    this.tried = this.tried.map((old) => (old.image.image_id === one.image.image_id ? one : old));
  }
}

function waiting(image: ImageView): Tried {
  return { image, state: "waiting", rle: null, score: 0, share: 0, doubt: null, error: null };
}
