import { userInfo } from 'node:os'
import { ConfigError } from '../../core/errors.ts'

/** Parameters of a DSN by name, as texts: those of libpq, and a few of `pg`. */
export type DsnParameters = Readonly<Record<string, string>>

/** What has an effect, and the variable of the environment that says it where the DSN does not. */
const SUPPORTED: Readonly<Record<string, string | null>> = {
  host: 'PGHOST',
  port: 'PGPORT',
  dbname: 'PGDATABASE',
  user: 'PGUSER',
  password: 'PGPASSWORD',
  options: 'PGOPTIONS',
  application_name: 'PGAPPNAME',
  fallback_application_name: null,
  connect_timeout: 'PGCONNECT_TIMEOUT',
  target_session_attrs: 'PGTARGETSESSIONATTRS',
  load_balance_hosts: 'PGLOADBALANCEHOSTS',
  channel_binding: 'PGCHANNELBINDING',
  keepalives: null,
  keepalives_idle: null,
  sslmode: 'PGSSLMODE',
  sslnegotiation: 'PGSSLNEGOTIATION',
  sslrootcert: 'PGSSLROOTCERT',
  sslcert: 'PGSSLCERT',
  sslkey: 'PGSSLKEY',
  sslpassword: null,
  sslcrl: 'PGSSLCRL',
  ssl_min_protocol_version: 'PGSSLMINPROTOCOLVERSION',
  ssl_max_protocol_version: 'PGSSLMAXPROTOCOLVERSION',
  // Not of libpq: what `pg` takes.
  ssl: null,
  uselibpqcompat: null,
  statement_timeout: null,
  lock_timeout: null,
  idle_in_transaction_session_timeout: null,
  query_timeout: null,
}

/** Accepted with a value that says what is done anyway. */
const FIXED: Readonly<
  Record<string, { readonly values: readonly string[]; readonly why: string }>
> = {
  client_encoding: {
    values: ['utf8', 'utf-8', 'unicode', 'auto'],
    why: 'the encoding of every connection is UTF8',
  },
  gssencmode: { values: ['disable', 'prefer'], why: 'GSSAPI is not supported' },
  sslsni: { values: ['1'], why: 'the name of the host is always sent' },
  sslcompression: { values: ['0'], why: 'TLS compression is not supported' },
  sslcertmode: { values: ['allow'], why: 'a certificate is sent when the server asks for one' },
  min_protocol_version: { values: ['3.0'], why: 'the protocol is 3.0' },
  max_protocol_version: { values: ['3.0'], why: 'the protocol is 3.0' },
}

/** What to write instead of parameters that have no effect here. */
const INSTEAD: Readonly<Record<string, string>> = {
  database: 'Write dbname, or the database after the host',
  hostaddr: 'Write the address as the host',
  passfile: 'Write the password, or keep it in ~/.pgpass',
  service: 'Write the parameters of the service themselves',
  schema: "Give the option: new Chancy(dsn, { schema: '…' })",
  search_path: "Give the option: new Chancy(dsn, { schema: '…' })",
  currentSchema: "Give the option: new Chancy(dsn, { schema: '…' })",
  pgbouncer: "Leave it out, and give the option: new Chancy(dsn, { pooler: 'transaction' })",
  pooler: "Give the option: new Chancy(dsn, { pooler: 'transaction' })",
  connection_limit: 'Give a pool of that size: pgDriver(new pg.Pool({ max }))',
  max: 'Give a pool of that size: pgDriver(new pg.Pool({ max }))',
  pool_timeout: 'Leave it out: the option pushDeadline says how long a call tries',
}
const OTHERWISE =
  'Leave it out, or configure a pool by yourself and give that: pgDriver(new pg.Pool(…))'

/**
 * Refuses a parameter that would have no effect, since what a DSN asks for may be its security.
 *
 * @param what What the DSN is called in the message.
 * @throws {ConfigError} that names the parameter and says what to write instead
 */
export function checkParameters(given: DsnParameters, what: string): void {
  for (const [name, value] of Object.entries(given)) {
    if (Object.hasOwn(SUPPORTED, name)) continue
    const fixed = Object.hasOwn(FIXED, name) ? FIXED[name] : undefined
    if (fixed?.values.includes(value.toLowerCase())) continue
    if (fixed !== undefined)
      throw new ConfigError(
        `${what} has ${name}=${value}, which cannot be done: ${fixed.why}. Leave it out`,
      )
    // A name that is none may be a piece of a password.
    const shown = /^[a-z_]{2,40}$/i.test(name) ? `"${name}"` : 'that is not a name'
    throw new ConfigError(
      `${what} has a parameter ${shown} which has no effect here. ${INSTEAD[name] ?? OTHERWISE}`,
    )
  }
}

/** What the DSN leaves out is taken from the variables of libpq, as psql does. */
export function withEnvironment(
  given: DsnParameters,
  environment: Readonly<Record<string, string | undefined>>,
): DsnParameters {
  const all: Record<string, string> = {}
  for (const [name, variable] of Object.entries(SUPPORTED)) {
    const value = given[name] || (variable === null ? '' : environment[variable])
    if (value) all[name] = value
  }
  all.user ??= nameOfUser()
  return all
}

function nameOfUser(): string {
  try {
    return userInfo().username
  } catch {
    // A container may run as a number that has no name.
    return 'postgres'
  }
}

/** One of some values, or undefined where it is not given. @throws {ConfigError} */
export function oneOf<Value extends string>(
  parameters: DsnParameters,
  name: string,
  values: readonly Value[],
  what: string,
): Value | undefined {
  const given = parameters[name]
  if (given === undefined) return undefined
  const found = values.find((value) => value === given)
  if (found === undefined)
    throw new ConfigError(
      `${what} has ${name}=${given}. It takes ${values.slice(0, -1).join(', ')} or ${values.at(-1)}`,
    )
  return found
}

/** A whole number, or undefined where it is not given. @throws {ConfigError} */
export function wholeNumber(
  parameters: DsnParameters,
  name: string,
  what: string,
): number | undefined {
  const given = parameters[name]
  if (given === undefined) return undefined
  if (!/^\d{1,9}$/.test(given))
    throw new ConfigError(`${what} has ${name}=${given}. It takes a whole number`)
  return Number(given)
}
