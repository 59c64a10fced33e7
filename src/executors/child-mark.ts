const MARK = Symbol.for('chancy.child')

/** Whether this thread belongs to an executor: a worker that starts here would fork for ever. */
export function isChild(): boolean {
  return MARK in globalThis
}

/** With it a child resolves this package to the entry that loads the core alone. */
export const CHILD_CONDITION = '--conditions=chancy-child'

/** In the loop and not in the environment, which grandchildren inherit. */
export function markAsChild(): void {
  Object.defineProperty(globalThis, MARK, { value: true })
  // `fork` passes these on, and what a job starts is not a child of an executor.
  process.execArgv = process.execArgv.filter((option) => option !== CHILD_CONDITION)
}
