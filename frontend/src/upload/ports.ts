/** Everything that a queue of uploads reaches outside itself. */
import type { UploadTicket } from "../api/types.ts";
import type { Announce } from "./forms.ts";
import type { Posted } from "./post.ts";

export interface Ports {
  hash(file: Blob): Promise<string>;
  readonly announce: Announce;
  post(ticket: UploadTicket, file: Blob, onProgress: (bytes: number) => void, signal: AbortSignal): Promise<Posted>;
  remove(image: string): Promise<void>;
  pause(seconds: number, signal?: AbortSignal): Promise<void>;
  /** Resolves when there is a connection, at once where there is one. */
  online(): Promise<void>;
  now(): number;
  newKey(): string;
}

export interface QueueLimits {
  readonly bytesMax: number;
  readonly perCallMax: number;
}
