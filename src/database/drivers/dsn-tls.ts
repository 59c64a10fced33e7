import { readFileSync } from 'node:fs'
import type { ConnectionOptions, SecureVersion } from 'node:tls'
import { ConfigError } from '../../core/errors.ts'
import { type DsnParameters, oneOf } from './dsn-parameters.ts'

/** False: the connection is not encrypted. */
export type Tls = false | ConnectionOptions

const MODES = ['disable', 'no-verify', 'prefer', 'require', 'verify-ca', 'verify-full'] as const
const VERSIONS = ['TLSv1', 'TLSv1.1', 'TLSv1.2', 'TLSv1.3'] as const
const FILES = { sslrootcert: 'ca', sslcert: 'cert', sslkey: 'key', sslcrl: 'crl' } as const
const YES = ['true', '1']

/**
 * How to encrypt. As in `pg` 8, every mode that encrypts checks the certificate and its name, except
 * `no-verify`; `uselibpqcompat=true` gives the modes the weaker meaning that they have in psql.
 *
 * @throws {ConfigError} for a mode or version that does not exist, and a file that cannot be read
 */
export function tlsOf(parameters: DsnParameters, what: string): Tls {
  const mode = modeOf(parameters, what)
  if (mode === 'disable') return false
  const tls: ConnectionOptions = {}
  for (const [name, option] of Object.entries(FILES)) {
    const file = parameters[name]
    // libpq's word for the authorities that the system trusts, which Node takes by itself.
    if (file === undefined || (name === 'sslrootcert' && file === 'system')) continue
    tls[option as 'ca'] = read(name, file, what)
  }
  if (parameters.sslpassword !== undefined) tls.passphrase = parameters.sslpassword
  const oldest = oneOf(parameters, 'ssl_min_protocol_version', VERSIONS, what)
  const newest = oneOf(parameters, 'ssl_max_protocol_version', VERSIONS, what)
  if (oldest !== undefined) tls.minVersion = oldest satisfies SecureVersion
  if (newest !== undefined) tls.maxVersion = newest satisfies SecureVersion
  if (mode === 'no-verify') tls.rejectUnauthorized = false
  if (YES.includes(parameters.uselibpqcompat ?? '')) weaken(tls, mode)
  return tls
}

function modeOf(parameters: DsnParameters, what: string): (typeof MODES)[number] {
  if (parameters.sslmode === 'allow')
    throw new ConfigError(
      `${what} has sslmode=allow, which would encrypt only when the server insists. Write require, or disable where the network can be trusted`,
    )
  const mode = oneOf(parameters, 'sslmode', MODES, what)
  if (mode !== undefined) return mode
  const { ssl } = parameters
  if (ssl === 'no-verify') return ssl
  if (ssl !== undefined) return YES.includes(ssl) ? 'verify-full' : 'disable'
  const isAsked =
    parameters.sslnegotiation === 'direct' ||
    parameters.channel_binding === 'require' ||
    Object.keys(FILES).some((name) => parameters[name] !== undefined)
  return isAsked ? 'verify-full' : 'disable'
}

/** What psql checks: nothing, or the certificate without its name, or both. */
function weaken(tls: ConnectionOptions, mode: string): void {
  if (mode === 'verify-full') return
  if (mode === 'verify-ca' || (mode === 'require' && tls.ca !== undefined))
    tls.checkServerIdentity = () => undefined
  else tls.rejectUnauthorized = false
}

function read(name: string, file: string, what: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException
    throw new ConfigError(`${what} has ${name}=${file}, which cannot be read (${code})`, { cause })
  }
}
