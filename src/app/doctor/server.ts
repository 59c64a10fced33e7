import { checkServer } from '../../database/server-check.ts'
import { aboutServer } from '../../database/statements/diagnosis-server.ts'
import { type Check, error, type Finding, ok, warning } from './check.ts'

/** The major versions of PostgreSQL that this release is tested with. */
const [OLDEST, NEWEST] = [14, 18]

/** No extension is needed. */
export const server: Check = {
  id: 'server',
  title: 'PostgreSQL',
  needsSchema: false,
  async run({ read, database, options }) {
    const [row] = await read(aboutServer, [])
    if (row === undefined) throw new Error('no answer')
    const found = judgeVersion(row.version, row.version_num)
    if (found.level === 'error') return found
    if (row.standby) {
      return error(
        `${row.version}, and it is a standby: nothing can be written.`,
        'Give the address of the primary, or of several hosts: postgresql://db1,db2/app.',
      )
    }
    try {
      await checkServer(database, options)
    } catch (cause) {
      const [what, todo] = splitAdvice((cause as Error).message)
      return error(what, todo)
    }
    return found
  },
}

export function judgeVersion(version: string, number: number): Finding {
  const major = Math.trunc(number / 10_000)
  if (major < OLDEST) {
    return error(
      `Version ${version} is older than ${OLDEST}.`,
      `Upgrade PostgreSQL to one of ${OLDEST} to ${NEWEST}.`,
    )
  }
  if (major > NEWEST) {
    return warning(
      `Version ${version} is newer than those that this release is tested with, ${OLDEST} to ${NEWEST}.`,
      'Use a release of Chancy that names it.',
    )
  }
  return ok(`Version ${version}.`)
}

/** What is wrong, and what to do: the last sentence. */
function splitAdvice(message: string): [string, string] {
  const at = message.lastIndexOf('. ')
  return at < 0 ? [message, ''] : [message.slice(0, at + 1), `${message.slice(at + 2)}.`]
}
