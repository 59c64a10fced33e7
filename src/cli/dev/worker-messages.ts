/** What the worker process says to `chancy dev`. */
export type WorkerMessage =
  /** The application is loaded; these folders hold it and its jobs. */
  | { readonly kind: 'loaded'; readonly folders: readonly string[] }
  /** Jobs are claimed. */
  | { readonly kind: 'running' }
  /** It cannot start, and ends. */
  | { readonly kind: 'failed'; readonly message: string }

/** What `chancy dev` says to the worker process. Without a channel it stops too. */
export type WorkerOrder = { readonly kind: 'stop' }

/** How the process is started: as JSON, its only argument. */
export interface WorkerTask {
  /** As `--app` takes it. */
  readonly app: string
  /** The directory of the embedded server, or null for the server of `url`. */
  readonly directory: string | null
  readonly url: string
}

/** How long running jobs may continue when a worker is replaced, in milliseconds. */
export const DRAIN_MS = 5_000
