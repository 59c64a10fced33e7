/** Parameters whose values are never secret. The value of any other is left out. */
const SHOWN = new Set([
  'host',
  'hostaddr',
  'port',
  'dbname',
  'user',
  'sslmode',
  'sslnegotiation',
  'channel_binding',
  'application_name',
  'connect_timeout',
  'target_session_attrs',
  'load_balance_hosts',
])

const HIDDEN = '***'

/**
 * A DSN that can be shown in a message: no password, wherever it stands, and no value of a parameter
 * that may hold one. It takes any text, also one that is no DSN, and rather hides too much.
 */
export function redactDsn(dsn: string): string {
  if (dsn.startsWith('/')) return dsn
  const scheme = /^[a-z][a-z0-9+.-]*:\/\//i.exec(dsn)?.[0]
  if (scheme === undefined) return redactPairs(dsn)
  const rest = dsn.slice(scheme.length)
  // Up to the last @, since a careless password may hold one, or a slash, or a question mark.
  const at = rest.lastIndexOf('@')
  const credentials = at < 0 ? '' : `${redactCredentials(rest.slice(0, at))}@`
  const [place = '', ...parameters] = rest.slice(at + 1).split(/[?&]/)
  const shown = parameters.map((parameter) => redactParameter(parameter))
  const query = shown.length === 0 ? '' : `?${shown.join('&')}`
  return `${scheme}${credentials}${redactPlace(place)}${query}`
}

/** A user is shown where a password follows it. Alone it may be a token. */
function redactCredentials(credentials: string): string {
  const colon = credentials.indexOf(':')
  return colon < 0 ? HIDDEN : `${credentials.slice(0, colon)}:${HIDDEN}`
}

/** Without an @ the text after a colon that is no port may be a password. */
function redactPlace(place: string): string {
  const [hosts = '', ...path] = place.split('/')
  const shown = hosts.split(',').map((host) => {
    const [, name = '', port] = /^(\[[^\]]*\]|[^:]*)(?::(.*))?$/.exec(host) ?? []
    if (port === undefined) return name
    return /^\d{0,5}$/.test(port) ? `${name}:${port}` : `${name}:${HIDDEN}`
  })
  return [shown.join(','), ...path].join('/')
}

function redactParameter(parameter: string): string {
  const equals = parameter.indexOf('=')
  if (equals < 0) return HIDDEN
  // The name may be percent-encoded too.
  const name = parameter.slice(0, equals)
  return SHOWN.has(name) ? parameter : `${/^\w+$/.test(name) ? name : HIDDEN}=${HIDDEN}`
}

/** The form `host=… password=…`, with spaces around the equals sign and quotes as libpq has them. */
function redactPairs(text: string): string {
  const pair = /(\w+)\s*=\s*('(?:[^'\\]|\\.)*'?|(?:[^\s'\\]|\\.)*)/g
  const shown: string[] = []
  for (const [, name = '', value = ''] of text.matchAll(pair))
    shown.push(`${name}=${SHOWN.has(name) ? value : HIDDEN}`)
  if (shown.length > 0) return shown.join(' ')
  // Not a word of what it is: a short text may be a password on its own.
  return text.includes('@') ? HIDDEN : text
}
