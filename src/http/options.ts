import type { Chancy } from '../app/chancy.ts'
import { checkFlag, checkOneOf, checkOptions, checkText, inspect } from '../core/check.ts'
import { ConfigError } from '../core/errors.ts'
import type { AccessFunction } from './access.ts'
import { type Limits, parseLimits } from './limits.ts'
import { type JobLink, parseLinks } from './links.ts'
import { type MaskOptions, Masks } from './masks.ts'

/** Options of `createHandler(chancy, options)`. */
export interface HandlerOptions {
  /** Where the browser sees it. Default: `'/'`. */
  readonly basePath?: string
  /** Whether the host has taken `basePath` away from the URL already. Default: false. */
  readonly stripped?: boolean
  /** Whether `X-Forwarded-Prefix`, `-Host` and `-Proto` are believed. Default: false. */
  readonly trustProxy?: boolean
  /** Says what a request may do. Default: this machine alone is served, as `admin`. */
  readonly access?: AccessFunction
  /** Whether no route that writes exists. Default: false. */
  readonly readOnly?: boolean
  /** Whether the pages are served. Default: true. */
  readonly dashboard?: boolean
  /** Whether `/metrics` is served. Default: true. */
  readonly metrics?: boolean
  /** Whether `/health/live` and `/health/ready` are served. Default: true. */
  readonly health?: boolean
  /** Which jobs may be pushed: all, or names such as `'mail.*'`. Default: none. */
  readonly push?: boolean | { readonly names: readonly string[] }
  /** What of jobs never leaves the process. Default: nothing. */
  readonly mask?: MaskOptions
  /** Origins that may write besides the one of the request. Default: none. */
  readonly origins?: readonly string[]
  /** How pages stay up to date; `'poll'` for hosts that cut streams. Default: `'sse'`. */
  readonly live?: 'sse' | 'poll' | false
  /** Another application for reads, such as one on a replica. Default: the same. */
  readonly reads?: Chancy
  /** An IANA name: the zone that all viewers see. Default: that of each browser. */
  readonly timeZone?: string
  /** Links on a job, such as `{ label: 'trace', href: 'https://traces.example.com/{meta.traceId}' }`. Default: none. */
  readonly links?: readonly JobLink[]
  /** Whether each action needs a reason. Default: false. */
  readonly requireReason?: boolean
  /** Origins that may show the pages in a frame. Default: none. */
  readonly frameAncestors?: readonly string[]
  /** See `Limits`. */
  readonly limits?: Partial<Limits>
}

/** The options in their normal form. */
export interface Settings {
  /** Without a slash at its end: empty for the root. */
  readonly basePath: string
  readonly isStripped: boolean
  readonly trustsProxy: boolean
  readonly access: AccessFunction | null
  readonly isReadOnly: boolean
  readonly dashboard: boolean
  readonly metrics: boolean
  readonly health: boolean
  /** Patterns of names; null: none. */
  readonly push: readonly string[] | null
  readonly masks: Masks
  readonly origins: readonly string[]
  readonly live: 'sse' | 'poll' | 'none'
  readonly timeZone: string | null
  readonly links: readonly JobLink[]
  readonly requireReason: boolean
  readonly frameAncestors: readonly string[]
  readonly limits: Limits
}

const NAMES = [
  ...['basePath', 'stripped', 'trustProxy', 'access', 'readOnly', 'dashboard', 'metrics', 'health'],
  ...['push', 'mask', 'origins', 'live', 'reads', 'timeZone', 'links', 'requireReason'],
  ...['frameAncestors', 'limits'],
]
const WHAT = 'createHandler'
const MAX_ORIGINS = 100

/** @throws {ConfigError} */
export function parseHandlerOptions(value: unknown): Settings {
  const given = checkOptions(value, NAMES, WHAT) as HandlerOptions
  const { access } = given
  if (access !== undefined && typeof access !== 'function')
    throw new ConfigError(`${WHAT}: access: expected a function, got ${inspect(access)}.`)
  return {
    basePath: checkBasePath(given.basePath ?? '/'),
    isStripped: flag(given.stripped, 'stripped', false),
    trustsProxy: flag(given.trustProxy, 'trustProxy', false),
    access: access ?? null,
    isReadOnly: flag(given.readOnly, 'readOnly', false),
    dashboard: flag(given.dashboard, 'dashboard', true),
    metrics: flag(given.metrics, 'metrics', true),
    health: flag(given.health, 'health', true),
    push: checkPush(given.push),
    masks: Masks.of(given.mask, `${WHAT}: mask`),
    origins: checkOrigins(given.origins, 'origins'),
    live: liveOf(given.live),
    timeZone: given.timeZone === undefined ? null : checkZone(given.timeZone),
    links: parseLinks(given.links, `${WHAT}: links`),
    requireReason: flag(given.requireReason, 'requireReason', false),
    frameAncestors: checkOrigins(given.frameAncestors, 'frameAncestors'),
    limits: parseLimits(given.limits),
  }
}

function flag(value: unknown, name: string, absent: boolean): boolean {
  return value === undefined ? absent : checkFlag(value, `${WHAT}: ${name}`)
}

/** Also of `X-Forwarded-Prefix`. @throws {ConfigError} */
export function checkBasePath(value: unknown): string {
  const path = checkText(value, { what: `${WHAT}: basePath`, maxBytes: 1_000 })
  if (/^(?:\/[A-Za-z0-9._~-]+)*\/?$/.test(path) && !/\/\.{1,2}(?:\/|$)/.test(path))
    return path.replace(/\/$/, '')
  throw new ConfigError(
    `${WHAT}: basePath: expected a path like "/admin/jobs", of letters, digits and . _ ~ -, got ${inspect(path)}.`,
  )
}

function checkPush(value: HandlerOptions['push']): readonly string[] | null {
  if (value === undefined || value === false) return null
  if (value === true) return ['*']
  const { names } = checkOptions(value, ['names'], `${WHAT}: push`)
  if (Array.isArray(names) && names.length > 0)
    return names.map((one) => checkText(one, { what: `${WHAT}: push.names`, maxBytes: 200 }))
  throw new ConfigError(
    `${WHAT}: push: expected true, or { names: ['mail.*'] }, got ${inspect(value)}.`,
  )
}

/** As a browser sends them, without a slash at the end. */
function checkOrigins(value: unknown, name: string): readonly string[] {
  if (value === undefined) return []
  const isOrigin = (one: unknown): one is string =>
    typeof one === 'string' && /^https?:\/\/[^/\s;,]+$/.test(one)
  if (Array.isArray(value) && value.length <= MAX_ORIGINS && value.every(isOrigin)) return value
  throw new ConfigError(
    `${WHAT}: ${name}: expected an array of origins like "https://example.com", got ${inspect(value)}.`,
  )
}

function liveOf(value: unknown): Settings['live'] {
  if (value === false) return 'none'
  return checkOneOf(value ?? 'sse', ['sse', 'poll'] as const, `${WHAT}: live`)
}

function checkZone(value: unknown): string {
  const zone = checkText(value, { what: `${WHAT}: timeZone`, maxBytes: 100 })
  try {
    new Intl.DateTimeFormat('en', { timeZone: zone })
    return zone
  } catch {
    throw new ConfigError(
      `${WHAT}: timeZone: expected an IANA name like "Europe/Berlin", got ${inspect(zone)}.`,
    )
  }
}
