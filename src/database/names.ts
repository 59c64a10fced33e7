import { createHash } from 'node:crypto'
import { ConfigError } from '../core/errors.ts'
import { isStorable } from '../core/storable-text.ts'
import { current, type EngineFunction } from './current.ts'

const MAX_NAME_BYTES = 63

/** Every name of one schema, quoted: what a statement's text is made from. */
export interface Names {
  readonly schema: string
  readonly jobs: string
  readonly finishedJobs: string
  readonly allJobs: string
  readonly queues: string
  readonly workers: string
  readonly claims: string
  readonly concurrencyGroups: string
  readonly rateStarts: string
  readonly scanWatermarks: string
  readonly waiters: string
  readonly leader: string
  readonly workflows: string
  readonly steps: string
  readonly stepEnds: string
  readonly jobSteps: string
  readonly signals: string
  readonly jobValues: string
  readonly migrations: string
  /** The version of a function of the engine that runs, quoted and qualified: `fn('claim')`. */
  readonly fn: (name: EngineFunction) => string
  /** A sequence's name as a string literal, for `nextval`. */
  readonly sequence: (name: string) => string
  /** A plugin's own table, type or index in the same schema. */
  readonly own: (name: string) => string
  /** The channel of LISTEN and NOTIFY. Lower case, since PGlite folds it. */
  readonly channel: string
  /** The dollar quote around function bodies: no schema name can hold it by chance. */
  readonly body: string
  /** The schema as it was given, for messages. */
  readonly plainSchema: string
}

/** A quoted identifier. Doubling the quotes is all that PostgreSQL asks for. */
export function quoteIdentifier(name: string): string {
  return `"${name.replaceAll('"', '""')}"`
}

/** A string literal, for the few places where PostgreSQL takes no parameter. */
export function quoteLiteral(text: string): string {
  const escaped = text.replaceAll("'", "''")
  return escaped.includes('\\') ? `E'${escaped.replaceAll('\\', '\\\\')}'` : `'${escaped}'`
}

/**
 * Resolves a schema's names once.
 *
 * @throws {ConfigError} for a name that PostgreSQL would refuse or cut: empty, over 63 bytes, a NUL,
 *   or one of the reserved `pg_…` names
 */
export function namesOf(schema: string): Names {
  checkSchema(schema)
  const quoted = quoteIdentifier(schema)
  const own = (name: string): string => `${quoted}.${quoteIdentifier(name)}`
  return Object.freeze({
    schema: quoted,
    jobs: own('jobs'),
    finishedJobs: own('finished_jobs'),
    allJobs: own('all_jobs'),
    queues: own('queues'),
    workers: own('workers'),
    claims: own('claims'),
    concurrencyGroups: own('concurrency_groups'),
    rateStarts: own('rate_starts'),
    scanWatermarks: own('scan_watermarks'),
    waiters: own('waiters'),
    leader: own('leader'),
    workflows: own('workflows'),
    steps: own('steps'),
    stepEnds: own('step_ends'),
    jobSteps: own('job_steps'),
    signals: own('signals'),
    jobValues: own('job_values'),
    migrations: own('migrations'),
    fn: (name: EngineFunction) => own(current[name]),
    sequence: (name: string) => quoteLiteral(own(name)),
    own,
    channel: channelOf(schema),
    body: `$body_${digest(schema)}$`,
    plainSchema: schema,
  })
}

function checkSchema(schema: unknown): asserts schema is string {
  const advice =
    'A schema name has 1 to 63 bytes, no NUL, no lone surrogate, and does not start with "pg_".'
  if (typeof schema !== 'string') {
    throw new ConfigError(`The option "schema" takes a text, got ${typeof schema}. ${advice}`)
  }
  const bytes = Buffer.byteLength(schema)
  const wrong = bytes === 0 || bytes > MAX_NAME_BYTES || !isStorable(schema)
  if (wrong || /^pg_/.test(schema)) {
    throw new ConfigError(
      `The schema ${JSON.stringify(schema)} (${bytes} bytes) is not possible. ${advice}`,
    )
  }
}

function channelOf(schema: string): string {
  if (/^[a-z0-9_]{1,40}$/.test(schema)) return `chancy_${schema}`
  return `chancy_${digest(schema)}`
}

function digest(schema: string): string {
  return createHash('sha256').update(schema).digest('hex').slice(0, 16)
}
