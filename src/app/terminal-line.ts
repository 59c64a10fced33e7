/** What a line of the log is on a terminal, behind its time, level and job name: the message and its fields. */

/** Paints a part of a line, or leaves it as it is. */
export type Paint = (text: string) => string

/** Fields of pino itself, and the name, which stands before the message. */
const SHOWN_ELSEWHERE = new Set(['level', 'time', 'pid', 'hostname', 'msg', 'name', 'err'])
/** What the reader looks for first. */
const FIRST = ['reason']
/** From here on a stack shows how Chancy calls jobs, and not the job. */
const OWN_FRAME = /\/executors\/run-attempt\.[jt]s:/
const INDENT = '    '

/**
 * The message with its fields as `key=value`, and the stack of an error below: what called the job is left out of
 * it, which is the same for each.
 */
export function terminalLine(fields: Readonly<Record<string, unknown>>, dim: Paint): string {
  const { msg, err } = fields
  const names = Object.keys(fields).filter(
    (key) => !SHOWN_ELSEWHERE.has(key) && fields[key] !== undefined,
  )
  const sorted = [...FIRST.filter((key) => names.includes(key))]
  sorted.push(...names.filter((key) => !FIRST.includes(key)))
  const pairs = sorted.map((key) => `${key}=${shownValue(fields[key])}`).join(' ')
  const [first = '', ...further] = typeof msg === 'string' ? msg.split('\n') : []
  const line = [indented(first), pairs === '' ? '' : dim(pairs)].filter((part) => part !== '')
  const below = [...further, ...(err === undefined ? [] : [errorText(err)])]
  return [line.join('  '), ...below.map((text) => `${INDENT}${indented(text)}`)].join('\n')
}

/** Texts without spaces as they are, lists with commas, and what has parts as its first one with the others: `mail(inline,4)`. */
function shownValue(value: unknown): string {
  if (typeof value === 'string')
    return /^[^\s"=(){},\p{Cc}]+$/u.test(value) ? value : JSON.stringify(value)
  if (!Array.isArray(value)) return JSON.stringify(value) ?? String(value)
  if (value.length === 0) return 'none'
  return value.map((one) => (isFlat(one) ? partsOf(one) : shownValue(one))).join(',')
}

function partsOf(value: Readonly<Record<string, unknown>>): string {
  const [first, ...others] = Object.values(value).map(shownValue)
  return `${first}(${others.join(',')})`
}

function isFlat(value: unknown): value is Readonly<Record<string, unknown>> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false
  const parts = Object.values(value)
  return parts.length > 1 && parts.every((part) => part === null || typeof part !== 'object')
}

/** What pino makes of an error: `type`, `message` and `stack`, with the causes in both. */
function errorText(err: unknown): string {
  if (typeof err !== 'object' || err === null) return String(err)
  const { stack, type, message, ...others } = err as Readonly<Record<string, unknown>>
  if (typeof stack !== 'string') return JSON.stringify(err)
  const lines: string[] = []
  let isOwn = false
  for (const text of stack.split('\n')) {
    const isFrame = /^\s+at /.test(text)
    isOwn = isFrame && (isOwn || OWN_FRAME.test(text))
    if (!isOwn && !/\(?node:internal\//.test(text))
      lines.push(isFrame ? `${INDENT}${text.trim()}` : text)
  }
  const details = Object.entries(others)
    .filter(([, value]) => value !== undefined)
    .map(([key, value]) => `${key}=${shownValue(value)}`)
  return [...lines, ...(details.length === 0 ? [] : [details.join(' ')])].join('\n')
}

/** Further lines stand below the first one, so that each beginning of a line of the log is seen. */
function indented(text: string): string {
  // A control character must not move the cursor of the terminal.
  return text.replaceAll(/[^\P{Cc}\n\t]/gu, ' ').replaceAll('\n', `\n${INDENT}`)
}
