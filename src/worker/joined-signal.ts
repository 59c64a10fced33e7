/** A signal that aborts with the first of two, until it is ended: they outlive it, and forget it then. */
export function joinedSignal(
  one: AbortSignal,
  other: AbortSignal,
): { readonly signal: AbortSignal; readonly end: () => void } {
  const joined = new AbortController()
  const both = [one, other]
  const abort = (): void => {
    joined.abort(both.find(({ aborted }) => aborted)?.reason)
  }
  for (const signal of both) signal.addEventListener('abort', abort, { once: true })
  if (both.some(({ aborted }) => aborted)) abort()
  return {
    signal: joined.signal,
    end: () => {
      for (const signal of both) signal.removeEventListener('abort', abort)
    },
  }
}
