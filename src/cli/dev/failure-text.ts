import { isChancyError } from '../../index.ts'

/** Frames of one's own modules that are shown. */
const MAX_FRAMES = 5
const PLACE = /\.[cm]?[jt]sx?:\d+/

/** Why an application or its jobs could not be loaded or started: what is wrong, and where in their own modules. */
export function failureText(error: unknown): string {
  const { message } = error as Error
  const inner = innermost(error)
  // A long reason is cut in the message of the error around it.
  const reason = message.includes(inner.message) ? [] : [inner.message]
  const own = framesOf(inner).filter((line) => !/node:|node_modules/.test(line))
  return [message, ...reason, ...own.slice(0, MAX_FRAMES)].join('\n')
}

/** The error of a module that cannot be parsed, where neither its message nor its stack says which. */
export function placelessSyntaxError(error: unknown): Error | null {
  const inner = innermost(error)
  const isPlaced = PLACE.test(inner.message) || framesOf(inner).some((line) => /file:/.test(line))
  return inner.name === 'SyntaxError' && !isPlaced ? inner : null
}

/** Below the errors of Chancy, the one that they are about. */
function innermost(error: unknown): Error {
  const { cause } = error as Error
  return isChancyError(error) && cause instanceof Error ? innermost(cause) : (error as Error)
}

function framesOf({ stack = '' }: Error): string[] {
  return stack.split('\n').filter((line) => /^\s+at /.test(line))
}
