const MARK = Symbol.for('chancy.child')

/** Says that this thread belongs to an executor: a worker that starts here would fork for ever. */
export function isChild(): boolean {
  return MARK in globalThis
}

/** By it a child finds the face of this package that loads the core alone. */
export const CHILD_CONDITION = '--conditions=chancy-child'

/** In the loop and not in the environment, which grandchildren inherit. */
export function markAsChild(): void {
  Object.defineProperty(globalThis, MARK, { value: true })
  // `fork` hands these on, and what a job starts is a process of its own kind.
  process.execArgv = process.execArgv.filter((option) => option !== CHILD_CONDITION)
}
