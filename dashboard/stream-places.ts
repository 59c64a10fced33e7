/**
 * Over HTTP/1.1 a browser has six connections to a host, for all of its windows: streams that took them all would leave
 * none to load a page with. That many windows have a stream, and the others poll.
 */
const PLACES = 4

/** Takes a place among the streams of this browser, and returns what frees it; null: all are taken. */
export async function takePlace(): Promise<(() => void) | null> {
  // Without TLS, only pages of this machine have locks: then there is always a place.
  const locks = navigator.locks as LockManager | undefined
  if (locks === undefined) return () => {}
  for (let at = 0; at < PLACES; at++) {
    const leave = await takeLock(locks, `chancy.stream.${at}`)
    if (leave !== null) return leave
  }
  return null
}

function takeLock(locks: LockManager, name: string): Promise<(() => void) | null> {
  return new Promise((resolve) => {
    const hold = (lock: Lock | null): Promise<void> | null => {
      if (lock !== null) return new Promise((leave) => resolve(leave))
      resolve(null)
      return null
    }
    locks.request(name, { ifAvailable: true }, hold).catch(() => resolve(() => {}))
  })
}
