import { AsyncLocalStorage } from 'node:async_hooks'
import { createRequire } from 'node:module'
import { checkOneOf, checkOptions, inspect } from '../../core/check.ts'
import { ConfigError } from '../../core/errors.ts'
import { definePlugin } from '../../plugin/define-plugin.ts'
import type { SavedAttempt } from '../../plugin/hooks/saved-attempt.ts'
import type { Plugin } from '../../plugin/plugin.ts'
import { reportedError } from './reported-error.ts'

/** What is used of a client of Sentry. */
export interface SentryClient {
  captureException(exception: unknown, hint?: SentryHint): string
  flush?(timeoutMs?: number): PromiseLike<boolean>
}

/** What a client of Sentry is given beside an error. */
export interface SentryHint {
  readonly originalException: unknown
  readonly captureContext: {
    readonly tags: Readonly<Record<string, string | number>>
    readonly extra: Readonly<Record<string, unknown>>
  }
  readonly mechanism: { readonly type: string; readonly handled: boolean }
}

/** Options of `sentry(options)`. */
export interface SentryOptions {
  /**
   * Which failed attempts are reported: `'every'` one, or the `'last'`, after which the job has failed. Default:
   * `'every'`.
   */
  readonly report?: 'every' | 'last'
  /** Default: the client that `Sentry.init()` of `@sentry/node` made, at the time of the report. */
  readonly client?: SentryClient
}

const PACKAGE = '@sentry/node'
/** How long a worker that stops waits for reports to be sent, in milliseconds. */
const FLUSH_MS = 400

/**
 * Reports failed attempts to Sentry, with their stack. Never those that were cancelled, snoozed or interrupted,
 * and never arguments.
 *
 * @throws {ConfigError} for a wrong option, and without `client` when `@sentry/node` is not installed
 */
export function sentry(options?: SentryOptions): Plugin {
  const given = checkOptions(options, ['report', 'client'], 'sentry') as SentryOptions
  const report = checkOneOf(given.report ?? 'every', ['every', 'last'], 'sentry: report')
  const clientNow = clientSource(given.client)
  // In the context of the start: what is saved together may come from the request of a user.
  const atStart = AsyncLocalStorage.snapshot()
  let reported: SentryClient | undefined
  return definePlugin({
    name: 'chancy.sentry',
    onSaved: async (saved) => {
      const failed = saved.filter((attempt) => isReported(attempt, report))
      if (failed.length === 0) return
      const client = await clientNow()
      if (client === undefined) return
      reported = client
      atStart(() => {
        for (const attempt of failed) capture(client, attempt)
      })
    },
    flush: async () => {
      await reported?.flush?.(FLUSH_MS)
    },
  })
}

function isReported({ error, state }: SavedAttempt, report: 'every' | 'last'): boolean {
  if (error === null || error.kind === 'cancelled') return false
  return state === 'failed' || (state === 'retrying' && report === 'every')
}

function capture(client: SentryClient, attempt: SavedAttempt): void {
  const { error, id, name, queue, state } = attempt
  if (error === null) return
  const exception = reportedError(error)
  client.captureException(exception, {
    // By it Sentry finds the causes.
    originalException: exception,
    captureContext: {
      tags: { 'job.name': name, 'job.queue': queue, 'job.attempt': attempt.attempt },
      extra: { 'job.id': id },
    },
    mechanism: { type: 'chancy', handled: state === 'retrying' },
  })
}

/** The package is found now and loaded with the first report. */
function clientSource(client: unknown): () => Promise<SentryClient | undefined> {
  if (client !== undefined) {
    const { captureException } = (client ?? {}) as Partial<SentryClient>
    if (typeof captureException === 'function') return async () => client as SentryClient
    throw new ConfigError(`sentry: client: expected a client of Sentry, got ${inspect(client)}.`)
  }
  try {
    createRequire(import.meta.url).resolve(PACKAGE)
  } catch (cause) {
    throw new ConfigError(
      `sentry() needs the package "${PACKAGE}", which could not be found. Run "npm install ${PACKAGE}", or give it the option "client".`,
      { cause },
    )
  }
  return async () => {
    const { getClient } = (await import(PACKAGE)) as {
      readonly getClient: () => SentryClient | undefined
    }
    return getClient()
  }
}
