/** The service's routes as functions; it holds no state and shows nothing. */
import type { Answer, Http } from "./http.ts";
import type {
  CreateDataset,
  DatasetFiles,
  DatasetView,
  DatasetViewPage,
  EmbeddingView,
  Estimate,
  ExportFormat,
  ExportView,
  ExportViewPage,
  Health,
  ImageStatus,
  ImageView,
  ImageViewPage,
  ItemStatus,
  ItemVariantsPage,
  ItemViewPage,
  JobEvents,
  JobView,
  JobViewPage,
  Limits,
  LiveTicket,
  MediaSession as MediaView,
  PatchTemplate,
  Recipe,
  SegmentImage,
  Segmentation,
  Template,
  TemplateView,
  TemplateViewPage,
  Upload,
  UploadTickets,
  UsageView,
} from "./types.ts";

type Signal = AbortSignal | undefined;

/** What has to be open before addresses of pictures and files are given to anybody. */
export interface Media {
  ready(): Promise<void>;
}

/** Requests may leave out what has a default. */
export type Sent<T> = { [K in keyof T]?: Sent<T[K]> | null | undefined };

export class Api {
  readonly #http: Http;
  readonly #media: Media;

  constructor(http: Http, media: (api: Api) => Media) {
    this.#http = http;
    this.#media = media(this);
  }

  openMedia(): Promise<MediaView> {
    return this.#http.call<MediaView>("POST", "/media-session", { mayRepeat: true }).then(({ body }) => body);
  }

  closeMedia(): Promise<unknown> {
    return this.#send("DELETE", "/media-session");
  }

  limits(signal?: Signal): Promise<Limits> {
    return this.#get("/limits", signal);
  }

  health(signal?: Signal): Promise<Health> {
    return this.#get("/health", signal);
  }

  usage(signal?: Signal): Promise<UsageView> {
    return this.#get("/usage", signal);
  }

  datasets(cursor?: string | null, signal?: Signal): Promise<DatasetViewPage> {
    return this.#get(query("/datasets", { cursor, limit: 100 }), signal);
  }

  dataset(id: string, signal?: Signal): Promise<DatasetView> {
    return this.#get(`/datasets/${id}`, signal);
  }

  createDataset(body: Sent<CreateDataset>, key: string): Promise<DatasetView> {
    return this.#send("POST", "/datasets", body, key);
  }

  renameDataset(id: string, name: string): Promise<DatasetView> {
    return this.#send("PATCH", `/datasets/${id}`, { name });
  }

  removeDataset(id: string): Promise<DatasetView> {
    return this.#send("DELETE", `/datasets/${id}`);
  }

  /** Forms to post files with, in the order of `files` (at most `uploads_per_call_max` of them). */
  announce(dataset: string, files: Sent<Upload>[], key: string, signal?: Signal): Promise<UploadTickets> {
    return this.#send("POST", `/datasets/${dataset}/uploads`, { files }, key, signal);
  }

  images(
    dataset: string,
    asked: { status?: ImageStatus; cursor?: string | null; limit?: number } = {},
    signal?: Signal,
  ): Promise<ImageViewPage> {
    return this.#opened(this.#get(query(`/datasets/${dataset}/images`, { limit: 100, ...asked }), signal));
  }

  image(dataset: string, image: string, signal?: Signal): Promise<ImageView> {
    return this.#opened(this.#get(`/datasets/${dataset}/images/${image}`, signal));
  }

  removeImage(dataset: string, image: string): Promise<unknown> {
    return this.#send("DELETE", `/datasets/${dataset}/images/${image}`);
  }

  segment(dataset: string, image: string, body: Sent<SegmentImage>, signal?: Signal): Promise<Segmentation> {
    return this.#send("POST", `/datasets/${dataset}/images/${image}/segment`, body, undefined, signal);
  }

  /** 202 and a time to wait while the embedding is being made. */
  embedding(dataset: string, image: string, signal?: Signal): Promise<Answer<EmbeddingView>> {
    return this.#opened(this.#http.call("GET", `/datasets/${dataset}/images/${image}/embedding`, { signal }));
  }

  templates(dataset: string, cursor?: string | null, signal?: Signal): Promise<TemplateViewPage> {
    return this.#get(query(`/datasets/${dataset}/templates`, { cursor, limit: 100 }), signal);
  }

  /** With the ETag that a change of it is protected by. */
  template(dataset: string, template: string, signal?: Signal): Promise<Answer<TemplateView>> {
    return this.#http.call("GET", `/datasets/${dataset}/templates/${template}`, { signal });
  }

  createTemplate(dataset: string, body: Sent<Template>, key: string): Promise<Answer<TemplateView>> {
    return this.#http.call("POST", `/datasets/${dataset}/templates`, { body, key });
  }

  /** Throws `precondition_failed` when somebody changed the template since `etag`. */
  changeTemplate(
    dataset: string,
    template: string,
    body: Sent<PatchTemplate>,
    etag?: string | null,
  ): Promise<Answer<TemplateView>> {
    const ifMatch = etag ? { ifMatch: etag } : {};
    return this.#http.call("PATCH", `/datasets/${dataset}/templates/${template}`, { body, ...ifMatch });
  }

  removeTemplate(dataset: string, template: string): Promise<unknown> {
    return this.#send("DELETE", `/datasets/${dataset}/templates/${template}`);
  }

  estimate(dataset: string, recipe: Sent<Recipe>, images?: string[] | null, signal?: Signal): Promise<Estimate> {
    const body = images ? { recipe, image_ids: images } : { recipe };
    return this.#send("POST", `/datasets/${dataset}/jobs/estimate`, body, undefined, signal);
  }

  submit(dataset: string, recipe: Sent<Recipe>, key: string, images?: string[] | null): Promise<JobView> {
    return this.#send("POST", `/datasets/${dataset}/jobs`, images ? { recipe, image_ids: images } : { recipe }, key);
  }

  jobs(cursor?: string | null, signal?: Signal): Promise<JobViewPage> {
    return this.#get(query("/jobs", { cursor, limit: 50 }), signal);
  }

  /** 304 and no body where the job is still as `etag` has it. */
  job(id: string, etag?: string | null, signal?: Signal): Promise<Answer<JobView | undefined>> {
    return this.#http.call("GET", `/jobs/${id}`, { signal, ...(etag ? { ifNoneMatch: etag } : {}) });
  }

  cancel(job: string): Promise<JobView> {
    return this.#send("POST", `/jobs/${job}/cancel`);
  }

  retry(job: string, key: string): Promise<JobView> {
    return this.#send("POST", `/jobs/${job}/retry`, undefined, key);
  }

  items(
    job: string,
    asked: { status?: ItemStatus; cursor?: string | null } = {},
    signal?: Signal,
  ): Promise<ItemViewPage> {
    return this.#get(query(`/jobs/${job}/items`, { limit: 100, ...asked }), signal);
  }

  variants(job: string, cursor?: string | null, signal?: Signal, limit = 50): Promise<ItemVariantsPage> {
    return this.#opened(this.#get(query(`/jobs/${job}/variants`, { cursor, limit }), signal));
  }

  events(job: string, since: number, signal?: Signal): Promise<JobEvents> {
    return this.#get(query(`/jobs/${job}/events`, { since, limit: 100 }), signal);
  }

  ticket(signal?: Signal): Promise<LiveTicket> {
    return this.#send("POST", "/live/tickets", undefined, undefined, signal);
  }

  files(job: string, signal?: Signal): Promise<DatasetFiles> {
    return this.#opened(this.#get(`/jobs/${job}/files`, signal));
  }

  exports(job: string, signal?: Signal): Promise<ExportViewPage> {
    return this.#opened(this.#get(`/jobs/${job}/exports`, signal));
  }

  startExport(job: string, format: ExportFormat, key: string): Promise<ExportView> {
    return this.#send("POST", `/jobs/${job}/exports/${format}`, undefined, key);
  }

  /** 202 while it is being made. */
  export(job: string, format: ExportFormat, signal?: Signal): Promise<Answer<ExportView>> {
    return this.#opened(this.#http.call("GET", `/jobs/${job}/exports/${format}`, { signal }));
  }

  /** An answer with addresses in it, once they open. */
  async #opened<T>(asked: Promise<T>): Promise<T> {
    const [answer] = await Promise.all([asked, this.#media.ready()]);
    return answer;
  }

  async #get<T>(path: string, signal?: Signal): Promise<T> {
    return (await this.#http.call<T>("GET", path, { signal })).body;
  }

  async #send<T>(method: string, path: string, body?: unknown, key?: string, signal?: Signal): Promise<T> {
    const ask = { signal, ...(body === undefined ? {} : { body }), ...(key === undefined ? {} : { key }) };
    return (await this.#http.call<T>(method, path, ask)).body;
  }
}

function query(path: string, values: Record<string, string | number | null | undefined>): string {
  const parts = new URLSearchParams();
  for (const [name, value] of Object.entries(values)) {
    if (value !== null && value !== undefined) parts.set(name, String(value));
  }
  const text = parts.toString();
  return text ? `${path}?${text}` : path;
}

/**
 * Where the page's own origin serves what an address of a picture or a file names, or null for null. It is the same at
 * every listing, so that browsers keep what they have; a signature in it is for programs that show no cookies.
 */
export function mediaUrl(address: string): string;
export function mediaUrl(address: string | null | undefined): string | null;
export function mediaUrl(address: string | null | undefined): string | null {
  if (!address) return null;
  const { pathname } = new URL(address);
  const start = pathname.indexOf("/t/");
  return start < 0 ? address : `/media${pathname.slice(start)}`;
}
