import { inspect } from '../core/check.ts'
import { ConfigError } from '../core/errors.ts'

const SHAPE = /^[a-z][a-z0-9]{0,29}\.[a-z][a-z0-9]{0,29}$/
const OURS = 'chancy'

/**
 * Names that no owner has: `cron.x` would own `cron_x_…`, which begins as the tables of `chancy.cron`, and
 * `rate.starts` as a table of the engine.
 */
const RESERVED = new Set([
  ...[
    'all',
    'claim',
    'claims',
    'concurrency',
    'finished',
    'job',
    'jobs',
    'leader',
    'line',
    'migrations',
  ],
  ...['positions', 'push', 'queue', 'queues', 'rate', 'scan', 'waiters', 'worker', 'workers'],
  ...['cron', 'leadership', 'metrics', 'opentelemetry', 'pruner', 'reprioritize', 'retries'],
  ...['sentry', 'triggers', 'workflow'],
])

/** What the names of the things that a plugin owns begin with. */
export interface OwnNames {
  /** Of tables, indexes, sequences, types and functions: `acme_audit_`. */
  readonly table: string
  /** Of events, and the one key in the meta of jobs: `acme.audit`. */
  readonly dotted: string
}

/** @throws {ConfigError} when it is no name of a plugin */
export function checkPluginName(name: unknown): string {
  const [owner] = typeof name === 'string' ? name.split('.') : []
  if (typeof name !== 'string' || !SHAPE.test(name)) {
    throw new ConfigError(
      `The name of a plugin is "owner.name", each of 1 to 30 lower-case letters and digits, such as "acme.audit"; got ${inspect(name)}.`,
    )
  }
  if (owner !== undefined && RESERVED.has(owner)) {
    throw new ConfigError(
      `The plugin "${name}": the owner "${owner}" is reserved, since tables of Chancy begin with it. Use the name of your organisation.`,
    )
  }
  return name
}

/** The names of `chancy.cron` leave out `chancy`. */
export function ownNamesOf(plugin: string): OwnNames {
  const [owner = '', name = ''] = plugin.split('.')
  return owner === OURS
    ? { table: `${name}_`, dotted: name }
    : { table: `${owner}_${name}_`, dotted: `${owner}.${name}` }
}

/** Whether an event or a key of the metadata is one of the plugin's. */
export function isOwnName(plugin: string, name: string): boolean {
  const { dotted } = ownNamesOf(plugin)
  return name === dotted || name.startsWith(`${dotted}.`)
}
