import { ConfigError } from '../../core/errors.ts'
import type { PgPool } from './pg-shapes.ts'

/** What is looked for in a pool's settings. */
interface PoolSettings {
  readonly max?: unknown
  readonly binary?: unknown
}

/** How many connections a pool has at most. */
export function sizeOf(pool: PgPool): number {
  const { max } = (pool.options ?? {}) as PoolSettings
  return typeof max === 'number' && max > 0 ? max : 10
}

/** The pool's settings with the password, which `pg` hides from enumeration. */
export function settingsOf(pool: PgPool): object {
  const options = pool.options as { password?: unknown } | undefined
  return options?.password === undefined
    ? { ...options }
    : { ...options, password: options.password }
}

/** @throws {ConfigError} when it is something else, or its rows cannot be read */
export function checkPool(pool: unknown): asserts pool is PgPool {
  const given = (pool ?? {}) as Partial<PgPool> & { release?: unknown }
  const advice = 'Give it a Pool: pgDriver(new pg.Pool({ connectionString }))'
  if (typeof given.connect !== 'function' || typeof given.on !== 'function')
    throw new ConfigError(`pgDriver was given something that is not a pool of "pg". ${advice}`)
  if (typeof given.release === 'function' || !('options' in given))
    throw new ConfigError(`pgDriver was given one client of "pg". ${advice}`)
  if ((given.options as PoolSettings | undefined)?.binary)
    throw new ConfigError('pgDriver cannot read rows of a pool with "binary: true". Leave it out')
}
