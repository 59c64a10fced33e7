import { checkFlag, checkOptions, checkText, inspect } from '../core/check.ts'
import { ConfigError } from '../core/errors.ts'
import { type MaskPath, maskJson, parseMaskPath } from '../core/mask-paths.ts'

/** The parts of a job that can be masked. */
export const MASKED_PARTS = ['args', 'result', 'meta', 'progress'] as const
export type MaskedPart = (typeof MASKED_PARTS)[number]

/** What of jobs never leaves the process. */
export interface MaskOptions {
  /** `true`: every value, so that types and sizes are left. Or paths such as `customer.*.email`, `**.password`. */
  readonly args?: true | readonly string[]
  readonly result?: true | readonly string[]
  readonly meta?: true | readonly string[]
  readonly progress?: true | readonly string[]
  /** Whether messages and stacks of errors are left out. Default: false. */
  readonly errors?: boolean
  /** What stands for a masked value. Default: `'•••'`. */
  readonly placeholder?: string
}

const NAMES = [...MASKED_PARTS, 'errors', 'placeholder']
const EVERYTHING = parseMaskPath('**')
const MAX_PATHS = 100

/** Masks of an access: those of the handler, and its own. */
export class Masks {
  readonly #paths: Readonly<Record<MaskedPart, readonly MaskPath[]>>
  readonly hidesErrors: boolean
  readonly placeholder: string
  /** Tells apart what may be shared between two accesses. */
  readonly key: string

  private constructor(
    paths: Readonly<Record<MaskedPart, readonly MaskPath[]>>,
    hidesErrors: boolean,
    placeholder: string,
  ) {
    this.#paths = paths
    this.hidesErrors = hidesErrors
    this.placeholder = placeholder
    this.key = JSON.stringify([paths, hidesErrors, placeholder])
  }

  /** @throws {ConfigError} */
  static of(options: unknown, what: string): Masks {
    const given = checkOptions(options, NAMES, what)
    const paths = Object.fromEntries(
      MASKED_PARTS.map((part) => [part, pathsOf(given[part], `${what}: ${part}`)]),
    ) as unknown as Record<MaskedPart, readonly MaskPath[]>
    const hides = given.errors !== undefined && checkFlag(given.errors, `${what}: errors`)
    const rule = { what: `${what}: placeholder`, maxBytes: 100, allowEmpty: true }
    const { placeholder } = given
    return new Masks(paths, hides, placeholder === undefined ? '•••' : checkText(placeholder, rule))
  }

  /** What either of both masks. */
  with(other: Masks): Masks {
    const paths = Object.fromEntries(
      MASKED_PARTS.map((part) => [part, [...this.#paths[part], ...other.#paths[part]]]),
    ) as unknown as Record<MaskedPart, readonly MaskPath[]>
    return new Masks(paths, this.hidesErrors || other.hidesErrors, this.placeholder)
  }

  masks(part: MaskedPart): boolean {
    return this.#paths[part].length > 0
  }

  /** Whether a value at a path of a part, or something inside it, is masked. */
  touches(part: MaskedPart, path: readonly string[]): boolean {
    return this.#paths[part].some((mask) => reaches(mask, path))
  }

  /** Paths in args and meta that no filter may name. */
  filterPaths(): readonly string[] {
    return (['args', 'meta'] as const).flatMap((part) =>
      this.#paths[part].map((path) => [part, ...path].join('.')),
    )
  }

  /** JSON text with the placeholder in place of what is masked; all else stays letter by letter. */
  json(part: MaskedPart, text: string): string {
    const paths = this.#paths[part]
    return paths.length === 0 ? text : maskJson(text, paths, JSON.stringify(this.placeholder))
  }

  /** Messages and stacks of errors. */
  message(text: string): string {
    return this.hidesErrors ? this.placeholder : text
  }
}

function pathsOf(value: unknown, what: string): readonly MaskPath[] {
  if (value === undefined) return []
  if (value === true) return [EVERYTHING]
  if (Array.isArray(value) && value.length <= MAX_PATHS)
    return value.map((one) => parseMaskPath(checkText(one, { what, maxBytes: 500 })))
  throw new ConfigError(
    `${what}: expected true, or an array of at most ${MAX_PATHS} paths like "customer.*.email", got ${inspect(value)}.`,
  )
}

/** Whether a mask may match the path, a part of it, or something below it. */
function reaches(mask: MaskPath, path: readonly string[]): boolean {
  for (let at = 0; at < mask.length && at < path.length; at++) {
    if (mask[at] === '**') return true
    if (mask[at] !== '*' && mask[at] !== path[at]) return false
  }
  return true
}
