// Settings that a thread needs to reach the same server. Callbacks and sockets cannot be cloned.
const PLAIN_SETTINGS = [
  'connectionString',
  'host',
  'port',
  'user',
  'database',
  'options',
  'client_encoding',
  'sslnegotiation',
  'enableChannelBinding',
  'scramMaxIterations',
] as const

/**
 * Where a thread reaches the server of these pool settings, in plain settings for another pool.
 * Null when something that matters is code: a password callback, a stream of one's own.
 */
export function addressOf(options: object | undefined): Readonly<Record<string, unknown>> | null {
  const given = (options ?? {}) as Readonly<Record<string, unknown>>
  if (typeof given.stream === 'function' || typeof given.password === 'function') return null
  if (!isPlain(given.ssl)) return null
  const settings: Record<string, unknown> = {}
  for (const name of PLAIN_SETTINGS)
    if (given[name] !== undefined && given[name] !== null) settings[name] = given[name]
  // Named one by one: pg hides the password and the key of TLS from enumeration.
  if (typeof given.password === 'string') settings.password = given.password
  if (given.ssl !== undefined) settings.ssl = withKey(given.ssl)
  return settings
}

function isPlain(ssl: unknown): boolean {
  if (typeof ssl !== 'object' || ssl === null) return true
  return Object.values(ssl).every((value) => typeof value !== 'function' && !isForeign(value))
}

/** A TLS context, a socket: an object with a class of its own. Buffers and arrays are cloneable. */
function isForeign(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false
  return !Array.isArray(value) && !(value instanceof Uint8Array)
}

function withKey(ssl: unknown): unknown {
  if (typeof ssl !== 'object' || ssl === null) return ssl
  const { key } = ssl as { key?: unknown }
  return key === undefined ? { ...ssl } : { ...ssl, key }
}
