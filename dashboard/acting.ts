import { asProblem } from './api/problem.ts'
import { say } from './components/toast.tsx'
import { reload } from './live.ts'

/**
 * Does one thing, and says what became of it: with its way back where there is one, and with what is wrong where
 * it was refused. Returns whether it was done.
 */
export async function act<T>(options: {
  run(): Promise<T>
  done(value: T): string
  undo?: ((value: T) => (() => Promise<unknown>) | null) | undefined
  after?: (() => void) | undefined
}): Promise<boolean> {
  try {
    const value = await options.run()
    const way = options.undo?.(value) ?? null
    say(options.done(value), {
      undo: way === null ? null : () => void takeBack(way, options.after),
    })
    options.after?.()
    return true
  } catch (error) {
    sayProblem(error)
    options.after?.()
    return false
  }
}

async function takeBack(way: () => Promise<unknown>, after: (() => void) | undefined) {
  try {
    await way()
    say('Taken back')
  } catch (error) {
    sayProblem(error)
  }
  after?.()
}

export function sayProblem(error: unknown): void {
  const { message, detail, details, requestId } = asProblem(error)
  const holder = details.holder
  const text = [
    message,
    detail === message ? '' : detail,
    typeof holder === 'string' ? `Held by ${holder}.` : '',
    requestId === null ? '' : `Request ${requestId}`,
  ]
  say(text.filter((one) => one !== '').join(' · '), { tone: 'bad' })
}

export const readAgain = (): void => reload()
