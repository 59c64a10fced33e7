import { createHash, timingSafeEqual } from 'node:crypto'
import { checkOneOf, inspect } from '../../core/check.ts'
import { ConfigError } from '../../core/errors.ts'
import type { AccessFunction } from '../access.ts'
import { SIGN_IN, type SignIn } from '../sign-in.ts'
import { ROLES, type Role } from '../verbs.ts'
import { FailedLogins } from './failed-logins.ts'

const CHALLENGE = 'Bearer realm="Chancy"'
const COOKIE = 'chancy-token'
const TOKEN = /^[A-Za-z0-9._~+-]{16,200}$/

interface Known {
  readonly digest: Buffer
  readonly role: Role
}

/**
 * Access by tokens, in the header `Authorization: Bearer …`. A browser that opens the dashboard with `?token=…` keeps it
 * in a cookie of that path.
 *
 * @param tokens by token, the role that it has
 * @throws {ConfigError} for a token that is too short, or cannot stand in a header
 */
export function bearer(tokens: Readonly<Record<string, Role>>): AccessFunction {
  const known = Object.entries(tokens ?? {}).map(([token, role]) => knownOf(token, role))
  if (known.length === 0)
    throw new ConfigError("bearer: expected tokens, such as { [process.env.TOKEN]: 'operate' }.")
  const failures = new FailedLogins()
  const access: AccessFunction = (request, peer) => {
    const token = tokenOf(request.headers)
    if (token === null) return { challenge: CHALLENGE }
    const found = roleOf(known, token)
    if (found === null) return failures.refusal(peer) ?? failures.failed(peer, CHALLENGE)
    return { actor: { id: `token:${found.digest.toString('hex').slice(0, 8)}` }, role: found.role }
  }
  const signIn: SignIn = (request, { basePath, path: below }) => {
    const url = new URL(request.url)
    const token = url.searchParams.get('token')
    if (token === null) return null
    url.searchParams.delete('token')
    const isSecure = url.protocol === 'https:' ? '; Secure' : ''
    const isRight = roleOf(known, token) !== null
    const path = `${basePath}/`
    const cookie = `${COOKIE}=${token}; HttpOnly; SameSite=Strict; Path=${path}${isSecure}`
    return new Response(null, {
      status: 303,
      headers: {
        // A path that begins with two slashes would be another host.
        location: `${basePath}/${below.replace(/^\/+/, '')}${url.search}`,
        'cache-control': 'no-store',
        ...(isRight && { 'set-cookie': cookie }),
      },
    })
  }
  return Object.assign(access, { [SIGN_IN]: signIn })
}

function knownOf(token: string, role: Role): Known {
  if (!TOKEN.test(token))
    throw new ConfigError(
      `bearer: expected a token of 16 to 200 letters, digits and . _ ~ + -, got one of ${token.length} characters.`,
    )
  return { digest: digestOf(token), role: checkOneOf(role, ROLES, `bearer: role ${inspect(role)}`) }
}

/** Compares with all, each in the same time. */
function roleOf(known: readonly Known[], token: string): Known | null {
  const digest = digestOf(token)
  return known.filter((one) => timingSafeEqual(one.digest, digest))[0] ?? null
}

function digestOf(token: string): Buffer {
  return createHash('sha256').update(token).digest()
}

function tokenOf(headers: Headers): string | null {
  const [, sent] = /^Bearer (\S{1,200})$/i.exec(headers.get('authorization') ?? '') ?? []
  if (sent !== undefined) return sent
  const cookies = (headers.get('cookie') ?? '').slice(0, 8_192).split(';')
  const pairs = cookies.map((one) => one.trim().split('='))
  return pairs.find(([name]) => name === COOKIE)?.[1] ?? null
}
