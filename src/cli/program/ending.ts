/** How a command ends besides by its answer: by a signal, or by a no. */

const NUMBERS = { SIGINT: 2, SIGTERM: 15 } as const

export type EndingSignal = keyof typeof NUMBERS
export const ENDING_SIGNALS = Object.keys(NUMBERS) as EndingSignal[]

export const [DONE, FAILED, WRONG_USAGE] = [0, 1, 2]

/** The reason that the signal of a call aborts with: 130 or 143. */
export class Interrupted extends Error {
  readonly exitCode: number

  constructor(signal: EndingSignal) {
    super(`ended by ${signal}`)
    this.exitCode = 128 + NUMBERS[signal]
  }
}

/** As the promise, unless the signal aborts before it settles: then it rejects with the signal's reason. */
export async function unlessAborted<T>(signal: AbortSignal, promise: Promise<T>): Promise<T> {
  promise.catch(() => {})
  const over = new AbortController()
  const aborted = new Promise<never>((_, reject) => {
    const end = (): void => reject(signal.reason as Error)
    if (signal.aborted) end()
    else signal.addEventListener('abort', end, { once: true, signal: over.signal })
  })
  try {
    return await Promise.race([promise, aborted])
  } finally {
    over.abort()
  }
}

/** The question was answered with no. */
export class Declined extends Error {
  constructor() {
    super('Nothing was changed.')
  }
}

/** The command failed by this error, whatever it is: a wrong option of the application is no wrong usage. */
export class Failure extends Error {
  constructor(cause: unknown) {
    super('the command failed', { cause })
  }
}

/** The command could not do what was wanted, by no fault of its usage: it exits with 1. */
export class Refused extends Error {}
