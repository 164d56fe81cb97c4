/** The page's one socket, and what a browser has to say about being seen and being online. */
import { systemClock } from "../live/clock.ts";
import { Follower, type FollowNeeds } from "../live/follow.ts";
import { LiveSocket } from "../live/socket.ts";
import { app } from "./app.svelte.ts";

const socket = new LiveSocket({
  clock: systemClock,
  address: async () => {
    const { url, ticket } = await app.api.ticket();
    return `${url}?ticket=${encodeURIComponent(ticket)}`;
  },
  open: (address) => new WebSocket(address),
});

/** Call `then` whenever the page is seen again or its network is back; what is returned ends it. */
export function onReturn(then: () => void): () => void {
  const seen = (): void => {
    if (!document.hidden) then();
  };
  document.addEventListener("visibilitychange", seen);
  addEventListener("online", then);
  return () => {
    document.removeEventListener("visibilitychange", seen);
    removeEventListener("online", then);
  };
}

class Live {
  isOpen = $state(false);

  constructor() {
    if (typeof document !== "undefined") onReturn(() => socket.hurry());
  }

  /** Follow a job from now on. */
  follow(job: string, tell: Pick<FollowNeeds, "onJob" | "onItems" | "onTrouble">): { look(): void; stop(): void } {
    const follower = new Follower(job, {
      ...tell,
      source: {
        job: (id, etag, signal) => app.api.job(id, etag, signal),
        events: (id, since, signal) => app.api.events(id, since, signal),
      },
      socket,
      clock: systemClock,
      isHidden: () => document.hidden,
    });
    follower.start();
    const stopReturn = onReturn(() => follower.look());
    const stop = this.listen(() => undefined);
    return {
      look: () => follower.look(),
      stop: () => {
        stop();
        stopReturn();
        follower.stop();
      },
    };
  }

  /** Hear that something happened to some job. */
  listen(hear: (job: string) => void): () => void {
    return socket.listen(
      (hint) => hear(hint.job),
      (isOpen) => (this.isOpen = isOpen),
    );
  }
}

export const live = new Live();
