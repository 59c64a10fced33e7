import { type ConnectionRow, countConnections } from '../../database/statements/diagnosis-server.ts'
import { type Check, error, type Finding, ok, warning } from './check.ts'
import { quoted } from './phrase.ts'

/** Fewer are an error, and less than this share of all a warning. */
const [FEWEST, SHARE] = [3, 0.1]

export const connections: Check = {
  id: 'connections',
  title: 'connections left',
  needsSchema: false,
  async run({ read }) {
    const [row] = await read(countConnections, [])
    if (row === undefined) throw new Error('no answer')
    return judgeConnections(row)
  },
}

export function judgeConnections(row: ConnectionRow): Finding {
  const limits = [
    { what: 'the server', max: row.max, used: row.used, todo: 'max_connections' },
    {
      what: 'the database',
      max: row.of_database,
      used: row.used_database,
      todo: 'ALTER DATABASE … CONNECTION LIMIT',
    },
    {
      what: `the role ${quoted(row.role)}`,
      max: row.of_role,
      used: row.used_role,
      todo: 'ALTER ROLE … CONNECTION LIMIT',
    },
  ].filter(({ max }) => max >= 0)
  const [tightest] = limits.toSorted((a, b) => a.max - a.used - (b.max - b.used))
  if (tightest === undefined) return ok('There is no limit.')
  const { what, max, used, todo } = tightest
  const left = Math.max(0, max - used)
  const said = `${left} of ${max} connections of ${what} are left.`
  const advice = `Make the pools of the application smaller, put a pooler before the server, or raise ${todo}.`
  if (left < FEWEST) return error(said, advice)
  return left < max * SHARE ? warning(said, advice) : ok(said)
}
