import { createHash } from 'node:crypto'
import type { AttemptErrorKind } from './queued-job.ts'
import type { SerializedError } from './serialize-error.ts'

/** What is the same in failures that are alike. */
export interface FailureParts {
  readonly error: string
  /** Such as `ECONNREFUSED`, or an SQLSTATE; the empty text: none. */
  readonly code: string
  /** The message without what varies. */
  readonly message: string
  /** Function and file of the topmost frames outside of packages. */
  readonly frames: readonly string[]
}

/** How much of a message is read, and how much of what is left of it counts, in characters. */
const [READ_CHARACTERS, KEPT_CHARACTERS] = [1_000, 200]
const FRAMES = 3
const HEX_DIGITS = 16

/** Parts of a message that vary, and what stands in their place. The order matters: a URL has a path and numbers. */
const VARIABLE: readonly (readonly [RegExp, string])[] = [
  [/\b[a-z][a-z0-9+.-]{1,20}:\/\/[^\s"'`<>)\]]+/gi, '<url>'],
  [/[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){1,8}/g, '<email>'],
  [/\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b/gi, '<id>'],
  [/\b\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|[+-]\d\d:?\d\d)?)?/g, '<date>'],
  [
    /\b(?:[A-Z][a-z]{2}, ?)?(?:\d{1,2} )?[A-Z][a-z]{2} (?:\d{1,2} )?\d{4} \d\d:\d\d:\d\d(?: [A-Z]{3}(?:[+-]\d{4})?)?/g,
    '<date>',
  ],
  [/(?<![.:\d])\d\d?:\d\d(?::\d\d(?:\.\d+)?)?\b(?!:)/g, '<date>'],
  [/\b\d{1,3}(?:\.\d{1,3}){3}(?::\d{1,5})?\b/g, '<address>'],
  [
    /\[?(?:\b|:)(?:[0-9a-f]{1,4}:){2,7}(?::?[0-9a-f]{1,4})?(?:::)?\]?(?::\d{1,5})?|\[?::1?\]?:\d{1,5}|\[?(?<![\w:])::1\b\]?/gi,
    '<address>',
  ],
  // An apostrophe within a word opens nothing.
  [/(?<![\w"])"(?:[^"\\\n]|\\.){0,500}"/g, '<text>'],
  [/(?<![\w'])'(?:[^'\\\n]|\\.|(?<=\w)'(?=\w)){0,500}'(?!\w)/g, '<text>'],
  [/`[^`\n]{0,500}`/g, '<text>'],
  [/[“„«][^”“»\n]{0,500}[”“»]/g, '<text>'],
  // Of a path the last part is left.
  [/(?:\b[A-Za-z]:)?(?:[\\/][\w.@~%+-]{1,200}){1,40}[\\/]([\w.@~%+-]{1,200})/g, '$1'],
  [/\b0x[0-9a-f]+\b/gi, '<hex>'],
  [/\b(?=[a-f]*\d)(?=\d*[a-f])[0-9a-f]{8,200}\b/gi, '<hex>'],
  [/\b(?=[\w+/-]*\d)(?=[\w+/-]*[a-z])(?=[\w+/-]*[A-Z])[\w+/-]{20,2000}={0,2}/g, '<data>'],
  [/\b\d+(?:\.\d+)? ?(?:[KMGT]i?B|kB|bytes?)\b/g, '<size>'],
  [/\d+(?:[.,_]\d+)*/g, '<n>'],
  [/\s+/g, ' '],
]

/** A message without its addresses, ids, dates, numbers, quoted texts and folders, at most 200 characters. */
export function withoutVariables(message: string): string {
  let text = message.slice(0, READ_CHARACTERS)
  for (const [pattern, place] of VARIABLE) text = text.replace(pattern, place)
  return text.trim().slice(0, KEPT_CHARACTERS)
}

/**
 * Function and file of the topmost three frames of a stack that are neither in a package nor in Node, without line
 * numbers: they change with every edit above. Of a file its name alone, since folders differ by machine.
 */
export function ownFrames(stack: string | null): readonly string[] {
  if (stack === null) return []
  const frames: string[] = []
  for (const line of stack.split('\n')) {
    // Frames of what caused it are those of another error.
    if (line.startsWith('Caused by: ') || /^Error \d+ of \d+: /.test(line)) break
    const frame = frameOf(line)
    if (frame !== null && frames.push(frame) === FRAMES) break
  }
  return frames
}

const FRAME = /^\s+at (?:(.{1,300}) \()?([^()]{1,1000}?)(?::\d+)?(?::\d+)?\)?$/

function frameOf(line: string): string | null {
  const [, called = '', place = ''] = FRAME.exec(line) ?? []
  const isOutside = /(?:^|[\\/])node_modules[\\/]/.test(place) || place.startsWith('node:')
  if (place === '' || isOutside || !/[\\/.]/.test(place)) return null
  const name = called.replace(/^(?:async |new )+/, '').replace(/ \[as .*\]$/, '')
  return `${name.replace(/\.?<anonymous>/g, '')} ${fileOf(place)}`.trim()
}

/** Without the query that a loader adds, and without the hash that a bundler puts into a name. */
function fileOf(place: string): string {
  const file =
    place
      .replace(/[?#].*$/, '')
      .split(/[\\/]/)
      .at(-1) ?? ''
  return file.replace(/[-.](?=[\w-]*\d)[\w-]{6,64}(?=\.\w{1,5}$)/, '')
}

/** What makes failures alike. */
export function failureParts(error: SerializedError): FailureParts {
  const said = error.message === '' ? (error.errors?.[0]?.message ?? '') : error.message
  return {
    error: error.name,
    code: error.code ?? error.errors?.[0]?.code ?? '',
    message: withoutVariables(said),
    frames: ownFrames(error.stack),
  }
}

/**
 * Names a group of failures that are alike, by 64 bits of a hash: 16 hexadecimal digits. A text that the error has as
 * its `fingerprint` takes the place of everything but the name of the job.
 */
export function fingerprintOf(
  name: string,
  kind: AttemptErrorKind,
  thrown: SerializedError,
): string {
  const own = thrown.fields?.fingerprint
  if (typeof own === 'string' && own !== '') return hashOf([name, 'own', own])
  const { error, code, message, frames } = failureParts(thrown)
  return hashOf([name, kind, error, code, message, frames])
}

function hashOf(parts: readonly unknown[]): string {
  return createHash('sha256').update(JSON.stringify(parts)).digest('hex').slice(0, HEX_DIGITS)
}

/** A fingerprint as PostgreSQL has it: the digits of a signed number of 64 bits. */
export function fingerprintToBigint(fingerprint: string): string {
  return BigInt.asIntN(64, BigInt(`0x${fingerprint}`)).toString()
}

/** The same as users have it. */
export function fingerprintFromBigint(digits: string): string {
  return BigInt.asUintN(64, BigInt(digits)).toString(16).padStart(HEX_DIGITS, '0')
}
