const MARK = Symbol.for('chancy.child')

/** Says that this thread belongs to an executor: a worker that starts here would fork for ever. */
export function isChild(): boolean {
  return MARK in globalThis
}

/** In the loop and not in the environment, which grandchildren inherit. */
export function markAsChild(): void {
  Object.defineProperty(globalThis, MARK, { value: true })
}
