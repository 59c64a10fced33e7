/**
 * What `chancy` means in a child: the names of `index.ts`, with nothing loaded but the core. A child
 * that loaded the database and the worker would be twice as large and half as fast to start, for a
 * job that only wants `job()`.
 *
 * The rest is loaded by the job that uses it, at its first use. The export condition `chancy-child`,
 * with which children are started, leads here.
 */

import { createRequire } from 'node:module'
import type * as whole from './index.ts'

export { DiscardJob, RetryJob, SnoozeJob } from './core/ending.ts'
export {
  AttemptError,
  ChancyError,
  ConfigError,
  DatabaseError,
  isChancyError,
  JobStateError,
  MigrationsNeededError,
  NotFoundError,
  PluginError,
  StepError,
  UniqueKeyError,
  WaitTimedOutError,
} from './core/errors.ts'
export { Job } from './core/job.ts'
export { defineJob, job } from './core/job-function.ts'
export { Limit } from './core/limit.ts'
export { Queue } from './core/queue.ts'
export { Reference } from './core/reference.ts'
export { parseRule, Rule, rule } from './core/rule/rule.ts'
export { signal } from './core/signal.ts'
export { Batch, batch } from './core/workflow/batch.ts'
export { Workflow } from './core/workflow/workflow.ts'
export { chain, workflow } from './core/workflow/workflow-function.ts'
export { WorkflowReference } from './core/workflow-reference.ts'

type Whole = typeof whole
type Callable = new (...args: unknown[]) => object

let loaded: Whole | null = null

/** A require, since a caller of `new Chancy()` cannot wait for an import. */
function load(): Whole {
  loaded ??= createRequire(import.meta.url)('./index.js') as Whole
  return loaded
}

/** Stands for a class or function, and loads it when anything is done with it. */
function later<Name extends keyof Whole>(name: Name): Whole[Name] {
  const real = (): Callable => load()[name] as unknown as Callable
  // Only what is itself a constructor may be made to stand for one.
  const stand: Callable = new Proxy(function standIn() {} as unknown as Callable, {
    construct: (_, args, target) =>
      Reflect.construct(real(), args, target === stand ? real() : target) as object,
    apply: (_, self, args) => Reflect.apply(real() as unknown as () => unknown, self, args),
    get: (_, key) => Reflect.get(real(), key) as unknown,
    set: (_, key, value) => Reflect.set(real(), key, value),
    has: (_, key) => Reflect.has(real(), key),
  })
  return stand as unknown as Whole[Name]
}

export const Chancy = later('Chancy')
export const pgDriver = later('pgDriver')
export const pgliteDriver = later('pgliteDriver')
export const postgresJsDriver = later('postgresJsDriver')
export const Worker = later('Worker')
export const customSession = later('customSession')
export const filterOf = later('filterOf')
export const grant = later('grant')
export const grantSql = later('grantSql')
export const jobVersion = later('jobVersion')
export const parseFilter = later('parseFilter')
export const printFilter = later('printFilter')
