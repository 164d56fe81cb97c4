/** The dataset that is looked at; its parts share it. */
import type { DatasetView } from "../api/types.ts";
import { app } from "./app.svelte.ts";

class CurrentDataset {
  view = $state.raw<DatasetView | null>(null);
  error = $state.raw<unknown>(null);
  #id = "";

  show(id: string): void {
    if (id === this.#id && this.error === null) return;
    this.#id = id;
    this.error = null;
    app.api.dataset(id).then(
      (view) => {
        if (this.#id === id) this.view = view;
      },
      (error: unknown) => {
        if (this.#id === id) this.error = error;
      },
    );
  }

  /** Take a dataset as the service has just answered it. */
  take(view: DatasetView): void {
    if (view.dataset_id === this.#id) this.view = view;
  }
}

export const currentDataset = new CurrentDataset();
