import { ConfigError } from '../../core/errors.ts'
import {
  checkParameters,
  type DsnParameters,
  oneOf,
  wholeNumber,
  withEnvironment,
} from './dsn-parameters.ts'
import { type Tls, tlsOf } from './dsn-tls.ts'
import { redactDsn } from './redact-dsn.ts'

export interface DsnHost {
  /** A name, an address, or the folder of a Unix socket. */
  readonly host: string
  readonly port: number
}

/**
 * Which of several hosts will do. `primary` and `read-write` differ where a primary has
 * `default_transaction_read_only` on.
 */
export type TargetSession = 'any' | 'read-write' | 'primary'

/** Everything that a DSN says. */
export interface Dsn {
  /** At least one. */
  readonly hosts: readonly [DsnHost, ...DsnHost[]]
  /** Absent where the DSN does not say it. */
  readonly target: TargetSession | undefined
  readonly isShuffled: boolean
  readonly channelBinding: 'disable' | 'prefer' | 'require'
  readonly connectTimeoutMs: number | undefined
  /** The rest, as `pg` takes it. */
  readonly settings: DsnSettings
}

export interface DsnSettings {
  readonly user: string
  readonly password?: string
  readonly database: string
  readonly ssl: Tls
  readonly sslnegotiation: 'postgres' | 'direct'
  readonly options?: string
  readonly application_name?: string
  readonly fallback_application_name?: string
  readonly keepAlive?: boolean
  readonly keepAliveInitialDelayMillis?: number
  readonly statement_timeout?: number
  readonly lock_timeout?: number
  readonly idle_in_transaction_session_timeout?: number
  readonly query_timeout?: number
}

const ADVICE = 'Write it as postgres://user:password@host:5432/database'
const DEFAULT_PORT = 5432
const TARGETS = ['any', 'read-write', 'primary'] as const
/** What the hosts of a queue cannot be: every call of a queue writes. */
const READERS = ['read-only', 'standby', 'prefer-standby']

/**
 * Reads `postgres://user:password@host1:5432,host2:5433/database?parameter=value`, or the path of a
 * Unix socket's folder and a database (`/run/postgresql app`).
 *
 * @param what What the DSN is called in messages.
 * @param environment Where the variables of libpq are read.
 * @throws {ConfigError} when it cannot be read, or asks for what cannot be done; no password is shown
 */
export function parseDsn(
  text: string,
  what = 'The DSN',
  environment: Readonly<Record<string, string | undefined>> = process.env,
): Dsn {
  const given = text.startsWith('/') ? folderOf(text) : parametersOf(text, what)
  const parameters = withEnvironment(given, environment)
  const hosts = hostsOf(parameters, (reason) => {
    throw new ConfigError(`${what} "${redactDsn(text)}" cannot be read: ${reason}. ${ADVICE}`)
  })
  checkParameters(given, what)
  return {
    hosts,
    target: targetOf(parameters, what),
    isShuffled: oneOf(parameters, 'load_balance_hosts', ['disable', 'random'], what) === 'random',
    channelBinding:
      oneOf(parameters, 'channel_binding', ['disable', 'prefer', 'require'], what) ?? 'disable',
    connectTimeoutMs: (wholeNumber(parameters, 'connect_timeout', what) ?? 0) * 1_000 || undefined,
    settings: settingsOf(parameters, what),
  }
}

function folderOf(text: string): DsnParameters {
  const [host = '', dbname = ''] = text.split(' ')
  return { host, dbname }
}

/** Both what stands before the question mark and what stands after it, which wins, as in libpq. */
function parametersOf(text: string, what: string): DsnParameters {
  const [, scheme, body = ''] = /^(postgres|postgresql|socket):\/\/(.*)$/is.exec(text) ?? []
  if (scheme === undefined)
    throw new ConfigError(`${what} "${redactDsn(text)}" does not begin with postgres://. ${ADVICE}`)
  const found: Record<string, string> = {}
  const slash = body.search(/[/?]/)
  const authority = slash < 0 ? body : body.slice(0, slash)
  const rest = slash < 0 ? '' : body.slice(slash)
  const at = authority.lastIndexOf('@')
  if (at >= 0) {
    const [user = '', ...password] = authority.slice(0, at).split(':')
    found.user = decode(user)
    found.password = decode(password.join(':'))
  }
  const [path = '', ...query] = rest.split('?')
  const place = authority.slice(at + 1)
  if (scheme.toLowerCase() === 'socket') found.host = decode(path)
  else {
    found.dbname = decode(path.slice(1))
    readPlace(place, found)
  }
  for (const pair of query.join('?').split('&')) {
    if (pair === '') continue
    const equals = pair.indexOf('=')
    const name = decode(equals < 0 ? pair : pair.slice(0, equals))
    found[nameOf(name, scheme)] = equals < 0 ? '' : decodeValue(pair.slice(equals + 1))
  }
  return found
}

/** The URL of a socket has its own names for two of them. */
function nameOf(name: string, scheme: string): string {
  if (scheme.toLowerCase() !== 'socket') return name
  return name === 'db' ? 'dbname' : name === 'encoding' ? 'client_encoding' : name
}

function readPlace(place: string, found: Record<string, string>): void {
  if (place === '') return
  const hosts: string[] = []
  const ports: string[] = []
  for (const one of place.split(',')) {
    const [, address, name, port = ''] = /^(?:\[([^\]]*)\]|([^:]*))(?::(.*))?$/s.exec(one) ?? []
    hosts.push(address ?? decode(name ?? one))
    ports.push(port)
  }
  found.host = hosts.join(',')
  if (ports.some((port) => port !== '')) found.port = ports.join(',')
}

function hostsOf(
  { host = '', port = '' }: DsnParameters,
  fail: (reason: string) => never,
): Dsn['hosts'] {
  const names = host.split(',')
  const given = port.split(',')
  if (given.length > 1 && given.length !== names.length)
    fail(`it has ${names.length} hosts and ${given.length} ports`)
  const [first, ...more] = names.map((name, i): DsnHost => {
    const one = (given.length === 1 ? given[0] : given[i]) || String(DEFAULT_PORT)
    const number = /^\d{1,5}$/.test(one) ? Number(one) : 0
    if (number < 1 || number > 65_535) fail('a port is a number from 1 to 65535')
    if (/[\s@:/?#]/.test(name.startsWith('/') ? '' : name.replaceAll(':', '')))
      fail('a host has a character that no name of a host has')
    return { host: name || 'localhost', port: number }
  })
  return [first!, ...more]
}

function targetOf(parameters: DsnParameters, what: string): TargetSession | undefined {
  const { target_session_attrs: given = '' } = parameters
  if (READERS.includes(given))
    throw new ConfigError(
      `${what} has target_session_attrs=${given}, but every call writes. Write read-write`,
    )
  return oneOf(parameters, 'target_session_attrs', TARGETS, what)
}

function settingsOf(parameters: DsnParameters, what: string): DsnSettings {
  const { user = '', password, dbname = user, keepalives } = parameters
  const idle = wholeNumber(parameters, 'keepalives_idle', what)
  const negotiation =
    oneOf(parameters, 'sslnegotiation', ['postgres', 'direct'] as const, what) ?? 'postgres'
  const ssl = tlsOf(parameters, what)
  if (negotiation === 'direct' && ssl === false)
    throw new ConfigError(`${what} has sslnegotiation=direct, which needs TLS: add sslmode=require`)
  if (parameters.channel_binding === 'require' && ssl === false)
    throw new ConfigError(
      `${what} has channel_binding=require, which needs TLS: add sslmode=require`,
    )
  return {
    user,
    ...(password === undefined ? {} : { password }),
    database: dbname,
    ssl,
    sslnegotiation: negotiation,
    ...textsOf(parameters, ['options', 'application_name', 'fallback_application_name']),
    ...(keepalives === undefined ? {} : { keepAlive: keepalives !== '0' }),
    ...(idle ? { keepAliveInitialDelayMillis: idle * 1_000 } : {}),
    ...numbersOf(parameters, what),
  }
}

function textsOf(parameters: DsnParameters, names: readonly string[]): object {
  return Object.fromEntries(
    names.flatMap((name) => (parameters[name] === undefined ? [] : [[name, parameters[name]]])),
  )
}

function numbersOf(parameters: DsnParameters, what: string): object {
  const names = [
    'statement_timeout',
    'lock_timeout',
    'idle_in_transaction_session_timeout',
    'query_timeout',
  ]
  return Object.fromEntries(
    names.flatMap((name) => {
      const value = wholeNumber(parameters, name, what)
      return value === undefined ? [] : [[name, value]]
    }),
  )
}

/** What `URLSearchParams` writes for a space is one, as `pg` reads it; libpq takes a plus for itself. */
function decodeValue(text: string): string {
  return decode(text.replaceAll('+', ' '))
}

/** A percent sign that encodes nothing stands for itself, and so does a plus. */
function decode(text: string): string {
  return text.replace(/(?:%[0-9a-f]{2})+/gi, (encoded) => {
    try {
      return decodeURIComponent(encoded)
    } catch {
      return encoded
    }
  })
}
