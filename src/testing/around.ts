/**
 * Loaded where the functions of jobs run: in the test's process for `inline`, else in a child. An attempt whose meta
 * has a fake ends by it, and its function is not called.
 */

import { isMainThread } from 'node:worker_threads'
import type { Context } from '../core/context.ts'
import type { MakeAround } from '../plugin/index.ts'
import type { FakeMeta } from './fakes.ts'

const KEY = 'testing.fake'
/** How a thrown value says how the attempt is to end; see `core/ending.ts`. */
const ENDING = Symbol.for('chancy.ending')
/** Set in the process of a child by its executor. */
const { chancyTestFakes } = globalThis as { readonly chancyTestFakes?: Map<string, Error> }

const makeAround: MakeAround<object> = () => {
  const around = async (context: Context, run: () => Promise<unknown>): Promise<unknown> => {
    const fake = context.job.meta[KEY] as FakeMeta | undefined
    if (fake === undefined) return run()
    const own = chancyTestFakes?.get(fake.token)
    chancyTestFakes?.delete(fake.token)
    if (fake.kind === 'crash' && own === undefined) return die()
    throw ending(own ?? copyOf(fake), fake.kind)
  }
  return Object.assign(around, { isIdle: () => chancyTestFakes?.size === 0 })
}
export default makeAround

/** The child dies for real. */
function die(): never {
  if (isMainThread) process.kill(process.pid, 'SIGKILL')
  return process.exit(1)
}

function copyOf({ name, message, code }: FakeMeta): Error {
  const error = new Error(message)
  error.name = name
  return code === undefined ? error : Object.assign(error, { code })
}

/** An error that ends an attempt in a way of its own, such as a SnoozeJob, stays as it is. */
function ending(error: Error, kind: FakeMeta['kind']): Error {
  if (ENDING in error && kind === 'fail') return error
  const value = Object.freeze({ kind })
  try {
    return Object.defineProperty(error, ENDING, { value, configurable: true })
  } catch {
    // It is frozen.
    const copy = Object.assign(new Error(error.message, { cause: error }), { name: error.name })
    return Object.defineProperty(copy, ENDING, { value })
  }
}
