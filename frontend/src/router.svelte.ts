/** The screen that is shown, and the ways from one to another; it knows no screen. */
import { href, parse, type Route } from "./routes.ts";

/** Leaving asks these first; one that answers false keeps the reader where they are. */
const guards = new Set<() => boolean>();

class Router {
  route = $state<Route>(parse(globalThis.location?.hash ?? ""));
  #shown = globalThis.location?.hash ?? "";

  follow(): void {
    globalThis.addEventListener("hashchange", () => {
      const next = globalThis.location.hash;
      if (next === this.#shown) return;
      if (![...guards].every((mayLeave) => mayLeave())) {
        history.replaceState(null, "", this.#shown || "#/");
        return;
      }
      this.#shown = next;
      this.route = parse(next);
    });
  }

  /** Take the address as it is now, after it was replaced from outside. */
  arrive(): void {
    this.#shown = globalThis.location.hash;
    this.route = parse(this.#shown);
  }

  go(route: Route): void {
    globalThis.location.hash = href(route);
  }

  /** Change the address without a new screen, for example when a template got its id. */
  replace(route: Route): void {
    history.replaceState(null, "", href(route));
    this.#shown = href(route);
    this.route = route;
  }

  /** Change the address alone: the screen that asks for it shows already what is there. */
  replaceQuietly(route: Route): void {
    history.replaceState(null, "", href(route));
    this.#shown = href(route);
  }

  /** Ask before leaving; call what is returned when there is nothing to lose any more. */
  guard(mayLeave: () => boolean): () => void {
    guards.add(mayLeave);
    return () => guards.delete(mayLeave);
  }
}

export const router = new Router();
