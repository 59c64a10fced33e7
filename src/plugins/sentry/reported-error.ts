import type { AttemptFailure } from '../../core/queued-job.ts'

/** Where a stored stack continues with another error: its cause, or one of several. */
const SECTION = /^(?=Caused by: |Error \d+ of \d+: )/m
const TITLE = /^(Caused by: |Error \d+ of \d+: )/
const HEAD = /^([\w$.]+)(?:: ?([\s\S]*))?$/

interface Rebuilt extends Error {
  errors?: Error[]
}

/**
 * The error of a failed attempt as one that Sentry can read: with its name, the frames of its stack, and its
 * causes. What else the stored stack says of it, such as fields of the error, is left out.
 */
export function reportedError({ name, message, stack }: AttemptFailure): Error {
  const [own = '', ...sections] = withoutMessage(stack ?? '', message).split(SECTION)
  const error = rebuilt(name, message, own)
  let last = error
  for (const section of sections) {
    const [title = ''] = TITLE.exec(section) ?? []
    const inner = fromText(section.slice(title.length))
    if (title.startsWith('Caused')) last.cause = inner
    else error.errors = [...(error.errors ?? []), inner]
    last = inner
  }
  return error
}

/** Lines of a message may look like a frame or a cause. */
function withoutMessage(stack: string, message: string): string {
  const at = stack.indexOf(message)
  return at < 0 ? stack : stack.slice(at + message.length)
}

function fromText(text: string): Rebuilt {
  const [head = ''] = text.split(/\n {2,}(?:at |with )/)
  const [, name = 'Error', message = ''] = HEAD.exec(head.trim()) ?? [null, 'Error', head.trim()]
  return rebuilt(name, message, text)
}

function rebuilt(name: string, message: string, stack: string): Rebuilt {
  const error: Rebuilt = new Error(message)
  const frames = stack.split('\n').filter((line) => /^\s+at /.test(line))
  Object.defineProperty(error, 'name', { value: name, configurable: true, writable: true })
  error.stack = [`${name}: ${message}`, ...frames].join('\n')
  return error
}
