/** What tells one server and database from another, as far as an address says it. */
interface Place {
  readonly host: string
  readonly port: number
  readonly database: string | null
}

const LOCAL = new Set(['localhost', '::1', '[::1]', ''])

/** Whether both lead to one database. An address that says nothing of itself, as a password callback's, may. */
export function isSamePlace(address: unknown, url: string): boolean {
  const [one, other] = [partsOf(address), partsOf(url)]
  if (one === null || other === null) return true
  return one.host === other.host && one.port === other.port && one.database === other.database
}

/** Host, port and database, without the password. */
export function placeOf(address: unknown): string {
  const parts = partsOf(address)
  return parts === null
    ? 'an unknown server'
    : `${parts.host}:${parts.port}/${parts.database ?? ''}`
}

/** Of a DSN, or of settings of a pool as `Driver.address` gives them. */
function partsOf(address: unknown): Place | null {
  if (typeof address === 'string') return ofUrl(address)
  if (typeof address !== 'object' || address === null) return null
  const { dsn, connectionString, host, port, database } = address as Record<string, unknown>
  const text = dsn ?? connectionString
  if (typeof text === 'string') return ofUrl(text)
  if (host === undefined && database === undefined) return null
  return place(String(host ?? ''), String(port ?? ''), String(database ?? ''))
}

function ofUrl(text: string): Place | null {
  const url = URL.canParse(text) ? new URL(text) : null
  return url === null
    ? null
    : place(url.hostname, url.port, decodeURIComponent(url.pathname.slice(1)))
}

function place(host: string, port: string, database: string): Place {
  return {
    host: LOCAL.has(host) ? '127.0.0.1' : host,
    port: Number(port || 5_432),
    database: database || null,
  }
}
