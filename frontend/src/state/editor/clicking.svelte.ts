/** One object being clicked in one picture: the clicks, the answers to them, what the pointer previews, the view of it. */
import type { ImageView, MaskChoice, Placement, Prompt, Refinement } from "../../api/types.ts";
import type { ImagePoint, Size, UnitBox, UnitPoint } from "../../geometry/spaces.ts";
import { isEmpty, NO_CLICKS, promptOf, withBox, withChoice, withoutPoint, withPoint, type Clicks } from "./clicks.ts";
import type { FoundMask, Question } from "./finding.ts";
import type { Standing } from "../../segment/choose.ts";
import type { Answering } from "./answering.ts";
import { onPage } from "./finder.ts";
import { NEUTRAL } from "./form.ts";
import { givenMask, placedPrompt } from "./placed.ts";
import type { Tool } from "./gestures.ts";
import { begun, redone, stepped, undone, type History } from "./history.ts";
import { Hovering, type HoverTier } from "./hovering.ts";
import { shownMask, type ShownMask } from "./shown.ts";

const CANDIDATES = 3;

export interface Asking {
  readonly sinceMs: number;
  /** The segmenter is not there yet; null while it works. */
  readonly waitsFor: string | null;
}

export class Clicking {
  image = $state.raw<ImageView | null>(null);
  history = $state.raw<History<Clicks>>(begun(NO_CLICKS));
  found = $state.raw<readonly FoundMask[]>([]);
  asking = $state.raw<Asking | null>(null);
  error = $state.raw<unknown>(null);
  isStopped = $state(false);
  refinement = $state.raw<Refinement>(NEUTRAL);
  /** How the clicks land on pictures; clicking turns it to "fixed". */
  placement = $state.raw<Placement>("fixed");
  hovered = $state.raw<ShownMask | null>(null);
  standing = $state.raw<Standing | null>(null);
  tier = $state<HoverTier>("click");
  tool = $state<Tool>("point");
  cursor = $state.raw<ImagePoint | null>(null);
  /** The first corner of a box that the keyboard draws. */
  corner = $state.raw<ImagePoint | null>(null);
  readonly dataset: string;
  readonly clicks = $derived(this.history.present);
  readonly picked = $derived(
    Math.max(
      0,
      this.found.findIndex((mask) => mask.choices.includes(this.clicks.choice)),
    ),
  );
  readonly mask = $derived(this.found[this.picked] ?? null);
  readonly shown = $derived(this.mask ? shownMask(this.mask.rle, this.refinement) : null);
  readonly isEmpty = $derived(isEmpty(this.clicks));
  /** The points that count, as they are marked on the picture. */
  readonly marks = $derived(placedPrompt(this.#finds(), "")?.points ?? this.clicks.points);
  /** Whether the mask comes with the template, without a segmenter. */
  readonly isGiven = $derived(this.placement === "whole" || this.placement === "mask");
  readonly size = $derived<Size | null>(this.image?.normal?.size ?? null);
  readonly #most: number;
  readonly #changed: () => void;
  #running: AbortController | null = null;
  readonly #hovering: Hovering;
  readonly #answering: Answering;
  #hoverRunning: AbortController | null = null;

  /** `changed` is called when the reader changed something, not when a picture or a template was loaded. */
  constructor(dataset: string, { canChoose = true, changed = (): void => undefined, answering = onPage } = {}) {
    this.dataset = dataset;
    this.#changed = changed;
    this.#most = canChoose ? CANDIDATES : 1;
    this.#hovering = new Hovering({
      ask: (at) => this.#preview(at),
      forget: () => this.#forgetPreview(),
      later: (call, ms) => {
        const timer = setTimeout(call, ms);
        return () => clearTimeout(timer);
      },
    });
    this.#answering = answering((standing) => this.#stand(standing));
  }

  /** Another picture, with the same clicks. */
  show(image: ImageView): void {
    this.#hovering.left();
    if (image.image_id !== this.image?.image_id) this.found = []; // a mask is of the picture it was found on
    this.image = image;
    this.cursor = null;
    this.corner = null;
    if (this.size) this.#answering.prepare({ dataset: this.dataset, image: image.image_id, size: this.size });
    this.ask();
  }

  /** Begin with these clicks; nothing is asked before a picture is shown. */
  load(clicks: Clicks, placement: Placement): void {
    this.history = begun(clicks);
    this.placement = placement;
  }

  add(at: UnitPoint, isPositive: boolean): void {
    this.#step(withPoint(this.clicks, at, isPositive));
  }

  removePoint(index: number): void {
    this.#step(withoutPoint(this.clicks, index));
  }

  setBox(box: UnitBox | null): void {
    this.#step(withBox(this.clicks, box));
  }

  dropPrevious(): void {
    this.#step({ ...this.clicks, previous: null });
  }

  clear(): void {
    if (!isEmpty(this.clicks)) this.#step({ ...NO_CLICKS });
  }

  undo(): void {
    this.#go(undone(this.history));
  }

  redo(): void {
    this.#go(redone(this.history));
  }

  /** Take a candidate. */
  pick(at: number): void {
    const choice = this.found[at]?.choices[0];
    if (this.#most === 1 || !choice || at === this.picked || !this.#question(choice)) return;
    this.history = stepped(this.history, withChoice(this.clicks, choice));
    this.#changed();
  }

  pickNext(): void {
    if (this.found.length > 1) this.pick((this.picked + 1) % this.found.length);
  }

  /** The reader does not want to wait; what was found before is not what is clicked now. */
  cancel(): void {
    this.#drop();
    this.found = [];
    this.isStopped = true;
  }

  stop(): void {
    this.#drop();
    this.#hovering.left();
    this.#answering.close();
  }

  hover(at: UnitPoint): void {
    if (this.asking === null) this.#hovering.moved(at);
  }

  leave(): void {
    this.#hovering.left();
  }

  /** Ask for the mask of what is clicked now; an older question ends. */
  ask(): void {
    this.#drop();
    this.isStopped = false;
    this.#forgetPreview();
    this.error = null;
    const given = this.size && givenMask(this.#finds(), "", this.size);
    const question = this.#question(this.clicks.choice);
    if (given || question === null) {
      this.found = given ? [{ rle: given, score: 1, choices: [this.clicks.choice] }] : [];
      return;
    }
    const known = this.#answering.known(question);
    if (known) this.found = known;
    else void this.#ask(question);
  }

  #drop(): void {
    this.#running?.abort();
    this.asking = null;
  }

  async #ask(question: Question): Promise<void> {
    const running = new AbortController();
    this.#running = running;
    let sinceMs = Date.now();
    this.asking = { sinceMs, waitsFor: null };
    try {
      const found = await this.#answering.find(question, running.signal, (code) => {
        if (!running.signal.aborted) this.asking = { sinceMs, waitsFor: code };
      });
      if (running.signal.aborted) return;
      this.found = found;
      if (this.asking?.waitsFor === null) this.#answered(Date.now() - sinceMs);
      this.asking = null;
    } catch (error) {
      if (running.signal.aborted) return;
      this.asking = null;
      this.found = [];
      if (error instanceof DOMException && error.name === "AbortError") this.isStopped = true;
      else this.error = error;
    }
  }

  /** Another way for the clicks to land on pictures. */
  place(placement: Placement): void {
    if (placement === this.placement) return;
    this.placement = placement;
    this.ask();
    this.#changed();
  }

  #step(next: Clicks): void {
    if (next !== this.clicks) this.placement = "fixed";
    this.#go(stepped(this.history, next));
  }

  #go(history: History<Clicks>): void {
    if (history === this.history) return;
    this.history = history;
    this.ask();
    this.#changed();
  }

  async #preview(at: UnitPoint): Promise<void> {
    const question = this.#question("best", withPoint(this.clicks, at, true));
    if (question === null) return;
    const running = new AbortController();
    this.#hoverRunning = running;
    const sinceMs = Date.now();
    try {
      const shown = await this.#answering.preview(question, running.signal);
      if (shown === null) return;
      this.#answered(Date.now() - sinceMs);
      if (!running.signal.aborted) this.hovered = shown;
    } catch {
      // A preview that fails is none; a click says what is wrong.
    }
  }

  #forgetPreview(): void {
    this.#hoverRunning?.abort();
    this.hovered = null;
  }

  #answered(ms: number): void {
    this.#hovering.answered(ms);
    this.tier = this.#hovering.tier;
  }

  #finds(clicks = this.clicks): { prompt: Prompt | null; placement: Placement } {
    return { prompt: promptOf(clicks), placement: clicks === this.clicks ? this.placement : "fixed" };
  }

  #stand(standing: Standing): void {
    this.standing = standing;
    this.#hovering.standAt(standing.where === "service");
    this.tier = this.#hovering.tier;
  }

  #question(choice: MaskChoice, clicks = this.clicks): Question | null {
    const prompt = placedPrompt(this.#finds(clicks), "");
    const image = this.image?.image_id;
    return prompt && image ? { dataset: this.dataset, image, prompt, choice, most: this.#most } : null;
  }
}
