import { checkOptions, checkText, inspect } from '../core/check.ts'
import { ConfigError } from '../core/errors.ts'
import { isPlainObject } from '../core/plain-object.ts'
import type { Masks } from './masks.ts'

/** A link on a job. `{id}`, `{name}`, `{queue}`, `{meta.…}` and `{args.…}` of the address are values of the job. */
export interface JobLink {
  readonly label: string
  /** Begins with `https://`. */
  readonly href: string
}

interface Linked {
  readonly id: string
  readonly name: string
  readonly queue: string
  readonly args: unknown
  readonly meta: unknown
}

const MAX_LINKS = 10
const HOLE = /\{([^{}]+)\}/g
const KNOWN = /^(?:id|name|queue|(?:meta|args)(?:\.[^.{}]+)+)$/

/** @throws {ConfigError} */
export function parseLinks(value: unknown, what: string): readonly JobLink[] {
  if (value === undefined) return []
  if (!Array.isArray(value) || value.length > MAX_LINKS)
    throw new ConfigError(
      `${what}: expected an array of at most ${MAX_LINKS} { label, href }, got ${inspect(value)}.`,
    )
  return value.map((one) => {
    const { label, href } = checkOptions(one, ['label', 'href'], what)
    const address = checkText(href, { what: `${what}: href`, maxBytes: 2_000 })
    // A host that a value of the job could change would lead anywhere.
    if (!/^https:\/\/[^/{}\s]+(?:\/|$)/.test(address))
      throw new ConfigError(`${what}: href: expected https:// and a host, got ${inspect(address)}.`)
    for (const [, name = ''] of address.matchAll(HOLE))
      if (!KNOWN.test(name))
        throw new ConfigError(
          `${what}: href: expected {id}, {name}, {queue}, {meta.…} or {args.…}, got ${inspect(`{${name}}`)}.`,
        )
    return { label: checkText(label, { what: `${what}: label`, maxBytes: 100 }), href: address }
  })
}

/** The links of a job. One that lacks a value, or whose value is masked, is left out. */
export function linksOf(links: readonly JobLink[], job: Linked, masks: Masks): JobLink[] {
  return links.flatMap(({ label, href }) => {
    let isWhole = true
    const filled = href.replaceAll(HOLE, (_, name: string) => {
      const value = valueAt(job, name.split('.'), masks)
      isWhole &&= value !== null
      return encodeURIComponent(value ?? '')
    })
    return isWhole ? [{ label, href: filled }] : []
  })
}

function valueAt(job: Linked, path: readonly string[], masks: Masks): string | null {
  const [part = '', ...rest] = path
  if ((part === 'args' || part === 'meta') && masks.touches(part, rest)) return null
  let value: unknown = job
  for (const key of path) {
    if (!isPlainObject(value) && value !== job) return null
    const held = value as Readonly<Record<string, unknown>>
    value = Object.hasOwn(held, key) ? held[key] : undefined
  }
  return typeof value === 'string' || typeof value === 'number' ? String(value) : null
}
