import * as advice from '../../database/statements/advice.ts'
import { type HorizonRow, horizonHolders } from '../../database/statements/diagnosis-server.ts'
import { type Check, error, type Finding, ok, warning } from './check.ts'
import { counted, listed, quoted, spanOf } from './phrase.ts'

/** For how long, or by how many transactions, something may hold the horizon back. */
const [LONG_MS, TOO_LONG_MS] = [600_000, 3_600_000]
const [MANY_XIDS, TOO_MANY_XIDS] = [1_000_000, 20_000_000]

/** Dead rows stay while something may still see them; claims and finishes make two or three a job. */
export const horizon: Check = {
  id: 'horizon',
  title: 'horizon of dead rows',
  needsSchema: true,
  run: async ({ read }) => judgeHorizon(await read(horizonHolders, [])),
}

export function judgeHorizon(holders: readonly HorizonRow[]): Finding {
  const old = holders.filter((row) => weightOf(row) > 0)
  const [oldest] = holders.filter(isWorthNaming)
  if (old.length === 0) {
    if (oldest === undefined) return ok('Nothing holds it back for long.')
    return ok(`Nothing holds it back for long. The oldest is ${nameOf(oldest)}, ${ageOf(oldest)}.`)
  }
  const level = Math.max(...old.map(weightOf)) > 1 ? error : warning
  return level(
    `No dead row is removed that came after: ${listed(old.map((row) => `${nameOf(row)}, ${ageOf(row)}`))}.`,
    `${listed([...new Set(old.map(todoOf))])}.`,
  )
}

/** A transaction of a moment is none. */
const BRIEF_MS = 1_000

function isWorthNaming({ kind, age_ms }: HorizonRow): boolean {
  return kind !== 'session' || (age_ms ?? BRIEF_MS) >= BRIEF_MS
}

/** 0: fine, 1: a warning, 2: an error. */
function weightOf({ kind, state, age_ms, xids }: HorizonRow): number {
  if ((age_ms ?? 0) >= TOO_LONG_MS || xids >= TOO_MANY_XIDS) return 2
  const isLeft = kind === 'slot' && state === 'inactive'
  return isLeft || (age_ms ?? 0) >= LONG_MS || xids >= MANY_XIDS ? 1 : 0
}

function nameOf({ kind, pid, name, role, state }: HorizonRow): string {
  switch (kind) {
    case 'prepared':
      return `the prepared transaction ${quoted(name ?? '')} of ${quoted(role ?? '')}`
    case 'slot':
      return `the replication slot ${quoted(name ?? '')} (${state})`
    case 'standby':
      return `a query of the standby ${quoted(name ?? '')}`
    case 'session': {
      const application = name ? ` of ${quoted(name)}` : ''
      const as = role === null ? '' : `, role ${quoted(role)}`
      return `the session ${pid}${application}${as}${state === null ? '' : `, ${state}`}`
    }
    default:
      return kind satisfies never
  }
}

function ageOf({ kind, age_ms, query_ms, xids }: HorizonRow): string {
  const since = age_ms === null ? '' : `open for ${spanOf(age_ms)}`
  const query = query_ms === null ? '' : `its last statement began ${spanOf(query_ms)} ago`
  const hidden = kind === 'session' && age_ms === null ? 'since when this role may not see' : ''
  const behind = `${counted(xids, 'transaction')} back`
  return [since, query, hidden, behind].filter((text) => text !== '').join(', ')
}

function todoOf({ kind, pid, name }: HorizonRow): string {
  switch (kind) {
    case 'prepared':
      return advice.endPrepared(name ?? '')
    case 'slot':
      return `if nothing reads the slot any more, ${advice.dropSlot(name ?? '')}`
    case 'standby':
      return `end the query on the standby ${quoted(name ?? '')}, or set hot_standby_feedback = off there`
    case 'session':
      return `${advice.endSession(pid ?? 0)}, and set idle_in_transaction_session_timeout for its role`
    default:
      return kind satisfies never
  }
}
