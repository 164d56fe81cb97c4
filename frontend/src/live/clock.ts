/** Time, as much of it as live progress needs, so that a test can be its own clock. */

export interface Clock {
  now(): number;
  /** Call back after a time; what is returned takes the call back. */
  after(ms: number, then: () => void): () => void;
}

export const systemClock: Clock = {
  now: () => Date.now(),
  after: (ms, then) => {
    const timer = setTimeout(then, ms);
    return () => clearTimeout(timer);
  },
};
