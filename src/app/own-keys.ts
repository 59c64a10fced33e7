/** What pino writes of itself: the same key given by a job would stand in its line twice. */
const OWN_KEYS = new Set(['level', 'time', 'pid', 'hostname', 'msg'])

/** Fields of a line, an own key of pino as `msg_`. */
export function withoutOwnKeys(fields: Record<string, unknown>): Record<string, unknown> {
  if (!Object.keys(fields).some((key) => OWN_KEYS.has(key))) return fields
  const entries = Object.entries(fields)
  return Object.fromEntries(
    entries.map(([key, value]) => [OWN_KEYS.has(key) ? `${key}_` : key, value]),
  )
}
