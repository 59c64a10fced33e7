import { createHash, randomBytes, scrypt, timingSafeEqual } from 'node:crypto'
import { checkOneOf, checkOptions, checkText, inspect } from '../../core/check.ts'
import { systemClock } from '../../core/clock.ts'
import { ConfigError } from '../../core/errors.ts'
import type { AccessFunction, Refusal } from '../access.ts'
import type { Peer } from '../peer.ts'
import { ROLES, type Role } from '../verbs.ts'
import { FailedLogins } from './failed-logins.ts'

/** A user of `basicAuth`: what `hashPassword` made of the password, and the role. */
export type BasicUser = string | { readonly password: string; readonly role: Role }

interface Stored {
  readonly salt: Buffer
  readonly key: Buffer
  readonly role: Role
}

const CHALLENGE = 'Basic realm="Chancy", charset="UTF-8"'
const SCRYPT = { N: 16_384, r: 8, p: 1 }
const KEY_BYTES = 32
/** A password that was right is not derived again for so long, in milliseconds. */
const KNOWN_MS = 300_000
const MAX_KNOWN = 1_000
/** Each costs 16 MiB and some 40 ms: more wait. */
const AT_A_TIME = 2

/** The form of a password that `basicAuth` takes, such as `scrypt$…$…`. */
export async function hashPassword(password: string): Promise<string> {
  const given = checkText(password, { what: 'hashPassword', maxBytes: 1_000 })
  const salt = randomBytes(16)
  return `scrypt$${salt.toString('base64url')}$${(await derived(given, salt)).toString('base64url')}`
}

/**
 * Access by user names and passwords, which the browser asks for. A user given as a hash alone is an admin.
 *
 * @throws {ConfigError} for a hash that `hashPassword` did not make
 */
export function basicAuth(users: Readonly<Record<string, BasicUser>>): AccessFunction {
  const names = Object.keys(users ?? {})
  if (names.length === 0)
    throw new ConfigError("basicAuth: expected users, such as { ada: await hashPassword('…') }.")
  const stored = new Map(names.map((name) => [name, storedOf(name, users[name]!)]))
  const stranger: Stored = { salt: randomBytes(16), key: randomBytes(KEY_BYTES), role: 'view' }
  const failures = new FailedLogins()
  const known = new KnownPasswords()
  const line = new Line(AT_A_TIME)
  /** A page sends several requests together, with one password that is derived once. */
  const underWay = new Map<string, Promise<Refusal | null>>()
  const refusalOf = async (user: Stored | undefined, given: Credentials, peer: Peer) => {
    const refusal = failures.begun(peer)
    if (refusal !== null) return refusal
    // An unknown name takes as long as a wrong password.
    const { salt, key } = user ?? stranger
    const isRight = timingSafeEqual(await line.run(() => derived(given.password, salt)), key)
    if (user === undefined || !isRight) return { challenge: CHALLENGE }
    failures.succeeded(peer)
    known.add(given)
    return null
  }
  return async (request, peer) => {
    const given = credentialsOf(request.headers.get('authorization'))
    if (given === null) return { challenge: CHALLENGE }
    const { name } = given
    const user = stored.get(name)
    const access = () => ({ actor: { id: name }, role: user?.role ?? 'view' })
    if (user !== undefined && known.has(given)) return access()
    const place = `${peer.remoteAddress} ${known.digest(given)}`
    let asked = underWay.get(place)
    if (asked === undefined) {
      asked = refusalOf(user, given, peer).finally(() => underWay.delete(place))
      underWay.set(place, asked)
    }
    return (await asked) ?? access()
  }
}

function storedOf(name: string, user: BasicUser): Stored {
  const what = `basicAuth: ${inspect(name)}`
  const { password, role } =
    typeof user === 'string'
      ? { password: user, role: 'admin' }
      : checkOptions(user, ['password', 'role'], what)
  const [, salt = '', key = ''] = /^scrypt\$([\w-]{22})\$([\w-]{43})$/.exec(String(password)) ?? []
  if (key === '' || name.includes(':'))
    throw new ConfigError(
      `${what}: expected a name without ":" and what hashPassword() made of a password.`,
    )
  return {
    salt: Buffer.from(salt, 'base64url'),
    key: Buffer.from(key, 'base64url'),
    role: checkOneOf(role, ROLES, `${what}: role`),
  }
}

interface Credentials {
  readonly name: string
  readonly password: string
}

function credentialsOf(header: string | null): Credentials | null {
  const [, encoded] = /^Basic ([A-Za-z0-9+/]{1,2000}={0,2})$/i.exec(header ?? '') ?? []
  if (encoded === undefined) return null
  const [, name, password] =
    /^([^:]{1,200}):(.{0,1000})$/s.exec(String(Buffer.from(encoded, 'base64'))) ?? []
  return name === undefined || password === undefined ? null : { name, password }
}

function derived(password: string, salt: Buffer): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    scrypt(password.normalize('NFC'), salt, KEY_BYTES, SCRYPT, (error, key) => {
      if (error === null) resolve(key)
      else reject(error)
    })
  })
}

/** Passwords that were right, by a digest under a key of this process. */
class KnownPasswords {
  readonly #secret = randomBytes(32)
  readonly #until = new Map<string, number>()

  has(given: Credentials): boolean {
    return (this.#until.get(this.digest(given)) ?? 0) > systemClock.monotonic()
  }

  add(given: Credentials): void {
    if (this.#until.size >= MAX_KNOWN) this.#until.clear()
    this.#until.set(this.digest(given), systemClock.monotonic() + KNOWN_MS)
  }

  digest({ name, password }: Credentials): string {
    const text = JSON.stringify([name, password])
    return createHash('sha256').update(this.#secret).update(text).digest('base64')
  }
}

/** Lets so much work run concurrently; the rest waits in order. */
class Line {
  readonly #width: number
  readonly #waiting: (() => void)[] = []
  #running = 0

  constructor(width: number) {
    this.#width = width
  }

  async run<T>(work: () => Promise<T>): Promise<T> {
    if (this.#running >= this.#width) await new Promise<void>((go) => this.#waiting.push(go))
    else this.#running++
    try {
      return await work()
    } finally {
      const next = this.#waiting.shift()
      if (next === undefined) this.#running--
      else next()
    }
  }
}
