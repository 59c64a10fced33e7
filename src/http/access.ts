import { checkOneOf, checkOptions, checkText, inspect } from '../core/check.ts'
import { systemClock } from '../core/clock.ts'
import { ChancyError, ConfigError } from '../core/errors.ts'
import { type MaskOptions, Masks } from './masks.ts'
import type { Peer } from './peer.ts'
import { QueueScope } from './queue-scope.ts'
import { ROLES, type Role, type Verb, verbsOf } from './verbs.ts'

/** Who acts, as the audit log keeps it. */
export interface Actor {
  /** 1 to 200 bytes. */
  readonly id: string
  readonly name?: string | null
}

/** What a request may do. */
export interface Access {
  readonly actor: Actor
  /** `view` looks; `operate` also cancels, retries and pauses; `admin` also pushes, edits and deletes. */
  readonly role: Role
  /** Takes verbs away. Of a list it is called without a queue and a name. */
  readonly allow?: (
    verb: Verb,
    about: { readonly queue?: string; readonly name?: string },
  ) => boolean
  /** Patterns such as `mail*`; jobs of other queues do not exist. Default: all queues. */
  readonly queues?: readonly string[]
  /** Besides that of the handler. */
  readonly mask?: MaskOptions
}

/** Why a request may do nothing, and where to sign in. */
export interface Refusal {
  /** Where the page sends a browser. */
  readonly login?: string
  /** The value of `WWW-Authenticate`. */
  readonly challenge?: string
  /** Of the failed sign-ins of an address there are too many: seconds to wait. */
  readonly retryAfterSeconds?: number
}

/** Says what a request may do; null or a `Refusal`: nothing. It has 5 s. */
export type AccessFunction = (
  request: Request,
  peer: Peer,
) => Access | Refusal | null | Promise<Access | Refusal | null>

const NAMES = ['actor', 'role', 'allow', 'queues', 'mask']
const REFUSALS = ['login', 'challenge', 'retryAfterSeconds']
const MAX_ACCESS_MS = 5_000

/** An access that was checked. */
export class Permit {
  readonly actor: Actor
  readonly role: Role
  readonly scope: QueueScope
  readonly masks: Masks
  readonly #allow: Access['allow']

  /** @throws {ConfigError} when `access` returned something else */
  constructor(given: Access, masks: Masks) {
    const { actor, role, allow, queues, mask } = checkOptions(given, NAMES, 'access')
    this.actor = checkedActor(actor)
    this.role = checkOneOf(role, ROLES, 'access: role')
    this.scope = new QueueScope(queues)
    this.masks = mask === undefined ? masks : masks.with(Masks.of(mask, 'access: mask'))
    if (allow !== undefined && typeof allow !== 'function')
      throw new ConfigError(`access: allow: expected a function, got ${inspect(allow)}.`)
    this.#allow = allow as Access['allow']
  }

  /** Whether the role has the verb, or is that role or more. */
  has(verb: Verb | Role): boolean {
    const rank = ROLES.indexOf(verb as Role)
    return rank < 0 ? verbsOf(this.role).has(verb as Verb) : ROLES.indexOf(this.role) >= rank
  }

  /** Whether the role has the verb and `allow` does not take it away. */
  allows(
    verb: Verb | Role,
    about: { readonly queue?: string; readonly name?: string } = {},
  ): boolean {
    if (!this.has(verb)) return false
    const isRole = ROLES.includes(verb as Role)
    return isRole || this.#allow === undefined || this.#allow(verb as Verb, about) === true
  }

  /** Equal for accesses that may share what is read. */
  get key(): string {
    // What `allow` says of one actor, it may not say of another.
    const own = this.#allow === undefined ? '' : this.actor.id
    return `${this.scope.key} ${this.masks.key} ${own}`
  }
}

/** Calls `access`. @throws {ChancyError} `ACCESS_NEEDED` */
export async function permitOf(
  access: AccessFunction,
  request: Request,
  peer: Peer,
  masks: Masks,
): Promise<Permit> {
  const over = new AbortController()
  const late = systemClock.sleep(MAX_ACCESS_MS, over.signal).then(() => 'late' as const)
  let given: Access | Refusal | null | 'late'
  try {
    given = await Promise.race([access(request, peer), late])
    if (given !== null && given !== 'late' && 'role' in given) return new Permit(given, masks)
    if (given !== 'late') checkOptions(given ?? {}, REFUSALS, 'access')
  } catch (cause) {
    // Whatever it is, the request is not to blame.
    throw new Error('the access function failed', { cause })
  } finally {
    over.abort()
  }
  if (given === 'late')
    throw new ChancyError('BUSY', 'Access was not decided within 5 s. Try again.')
  throw refused(given ?? {})
}

/** The error for a request that may do nothing. */
function refused({ login, challenge, retryAfterSeconds }: Refusal): ChancyError {
  if (retryAfterSeconds !== undefined) {
    return new ChancyError('RATE_LIMITED', 'Too many failed sign-ins from this address. Wait.', {
      details: { retryAfterSeconds },
    })
  }
  return new ChancyError('ACCESS_NEEDED', 'This needs a session. Sign in first.', {
    details: {
      ...(login !== undefined && { login }),
      ...(challenge !== undefined && { challenge }),
    },
  })
}

function checkedActor(value: unknown): Actor {
  const { id, name } = checkOptions(value ?? null, ['id', 'name'], 'access: actor')
  return {
    id: checkText(id, { what: 'access: actor.id', maxBytes: 200 }),
    name: name == null ? null : checkText(name, { what: 'access: actor.name', maxBytes: 200 }),
  }
}
