/** How the picture lies on the stage: fitted until the reader zooms or moves it. It knows no mask. */
import {
  actualSize,
  clamped,
  fit,
  fromUnit,
  isInside,
  pannedBy,
  restaged,
  toImage,
  toScreen,
  toUnit,
  zoomAbout,
  type View,
} from "../../geometry/view.ts";
import {
  screenPoint,
  type ImagePoint,
  type ScreenPoint,
  type Size,
  type Stage,
  type UnitPoint,
} from "../../geometry/spaces.ts";

const MARGIN_PX = 16;
/** From this scale on, pixels are shown as squares. */
const PIXELS_FROM = 4;
export const ZOOM_STEP = 1.4;

export class Looking {
  view = $state.raw<View>({ scale: 1, offset: screenPoint(0, 0) });
  stage = $state.raw<Stage>({ width: 0, height: 0 });
  size = $state.raw<Size>({ width_px: 1, height_px: 1 });
  isFitted = $state(true);
  readonly showsPixels = $derived(this.view.scale >= PIXELS_FROM);

  /** The stage has this size now; what was in its middle stays there. */
  resize(width: number, height: number): void {
    const before = this.stage;
    this.stage = { width, height };
    if (this.isFitted || before.width === 0) this.fit();
    else this.view = restaged(this.view, before, this.stage);
  }

  /** Another picture. One of the same size stays where it is, so that two can be compared. */
  take(size: Size): void {
    const isSame = size.width_px === this.size.width_px && size.height_px === this.size.height_px;
    this.size = size;
    if (!isSame || this.isFitted) this.fit();
  }

  fit(): void {
    this.view = fit(this.size, this.stage, Math.min(MARGIN_PX, this.stage.width / 20));
    this.isFitted = true;
  }

  actual(at = this.#middle()): void {
    this.view = actualSize(this.view, at, globalThis.devicePixelRatio || 1);
    this.isFitted = false;
  }

  zoom(factor: number, at = this.#middle()): void {
    this.view = zoomAbout(this.view, at, factor, this.size, this.stage);
    this.isFitted = false;
  }

  pan(dx: number, dy: number): void {
    this.view = pannedBy(this.view, dx, dy, this.size, this.stage);
    this.isFitted = false;
  }

  /** Move the view just so far that a place can be seen. */
  reveal(at: ImagePoint): void {
    const place = toScreen(this.view, at);
    const dx = Math.max(0, MARGIN_PX - place.x) - Math.max(0, place.x - this.stage.width + MARGIN_PX);
    const dy = Math.max(0, MARGIN_PX - place.y) - Math.max(0, place.y - this.stage.height + MARGIN_PX);
    if (dx !== 0 || dy !== 0) this.pan(dx, dy);
  }

  image(at: ScreenPoint): ImagePoint {
    return toImage(this.view, at);
  }

  /** Where on the picture a place of the stage is; null beside it. */
  unit(at: ScreenPoint): UnitPoint | null {
    const place = toImage(this.view, at);
    return isInside(place, this.size) ? toUnit(place, this.size) : null;
  }

  unitOf(at: ImagePoint): UnitPoint {
    return toUnit(clamped(at, this.size), this.size);
  }

  screen(at: { readonly x: number; readonly y: number }): ScreenPoint {
    return toScreen(this.view, fromUnit(at, this.size));
  }

  screenOf(at: ImagePoint): ScreenPoint {
    return toScreen(this.view, at);
  }

  #middle(): ScreenPoint {
    return screenPoint(this.stage.width / 2, this.stage.height / 2);
  }
}
