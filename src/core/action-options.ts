import { checkOptions, checkText, inspect } from './check.ts'
import { ConfigError } from './errors.ts'
import { isId } from './reference.ts'

/** A person or a program that acts. */
export interface Actor {
  /** What the application knows it by, 1 to 200 bytes. */
  readonly id: string
  /** What is shown in its place, up to 200 bytes. Default: the id. */
  readonly name?: string
}

/**
 * Options of every call that changes something. With any of them, a row of the audit log is written in the transaction
 * of the change; without, none is.
 */
export interface ActionOptions {
  /** Who acts. Default: unknown. */
  readonly actor?: Actor | undefined
  /** Why, up to 1,000 bytes. Default: none. */
  readonly reason?: string | undefined
  /** The address that the request came from, as IPv4 or IPv6. Default: none. */
  readonly address?: string | undefined
  /** The id of the request, a UUID. Default: none. */
  readonly requestId?: string | undefined
}

/** What is known of an action besides the action itself. */
export interface ActedBy {
  readonly actor: Actor | null
  readonly reason: string | null
  readonly address: string | null
  readonly requestId: string | null
}

/** The names of the options, for the checks of calls that take others as well. */
export const ACTION_OPTIONS = ['actor', 'reason', 'address', 'requestId'] as const
const MAX_ACTOR_BYTES = 200
const MAX_REASON_BYTES = 1_000

/**
 * Checks the options of an action.
 *
 * @returns null when none is given: the action is not written down
 * @throws {ConfigError}
 */
export function parseActedBy(given: ActionOptions, what: string): ActedBy | null {
  if (ACTION_OPTIONS.every((name) => given[name] === undefined)) return null
  const { actor, reason, address, requestId } = given
  return {
    actor: actor === undefined ? null : checkActor(actor, `${what}: actor`),
    reason:
      reason === undefined || reason === ''
        ? null
        : checkText(reason, { what: `${what}: reason`, maxBytes: MAX_REASON_BYTES }),
    address: address === undefined ? null : checkAddress(address, `${what}: address`),
    requestId: requestId === undefined ? null : checkRequest(requestId, `${what}: requestId`),
  }
}

function checkActor(given: unknown, what: string): Actor {
  const { id, name } = checkOptions(given, ['id', 'name'], what)
  const known = checkText(id, { what: `${what}.id`, maxBytes: MAX_ACTOR_BYTES })
  if (name === undefined) return { id: known }
  return { id: known, name: checkText(name, { what: `${what}.name`, maxBytes: MAX_ACTOR_BYTES }) }
}

function checkAddress(given: unknown, what: string): string {
  // A scope belongs to the machine that has it, and PostgreSQL does not store it.
  const address = typeof given === 'string' ? given.replace(/%.*$/, '') : ''
  if (isAddress(address)) return address
  throw new ConfigError(`${what}: expected an IP address, got ${inspect(given)}.`)
}

const OCTET = '(25[0-5]|2[0-4][0-9]|1?[0-9]?[0-9])'
const IPV4 = new RegExp(`^${OCTET}([.]${OCTET}){3}$`)

function isAddress(text: string): boolean {
  return IPV4.test(text) || (/^[0-9a-f:.]+$/i.test(text) && URL.canParse(`http://[${text}]`))
}

function checkRequest(given: unknown, what: string): string {
  if (isId(given)) return given.toLowerCase()
  throw new ConfigError(`${what}: expected a UUID, got ${inspect(given)}.`)
}
