import { workerHealth } from '../../database/statements/diagnosis-jobs.ts'
import { databaseTime } from '../../database/statements/diagnosis-server.ts'
import { type Check, error, type Finding, ok, warning } from './check.ts'
import { clockOf, nameOf } from './living-worker.ts'
import { listed, spanOf } from './phrase.ts'

/** Between the clock of a machine and that of the database, in milliseconds. */
const [NOTABLE_MS, WRONG_MS] = [1_000, 5_000]

/** A clock that differs from that of the database. */
export interface Skew {
  readonly who: string
  /** Ahead of the database's, in milliseconds; behind it: below 0. */
  readonly aheadMs: number
}

export const clockSkew: Check = {
  id: 'clock',
  title: 'clock skew',
  needsSchema: true,
  async run({ read, clock }) {
    const askedAt = clock.now()
    const [row] = await read(databaseTime, [])
    const answeredAt = clock.now()
    if (row === undefined) throw new Error('no answer')
    // Read between the two: what lies inside of them may be no difference at all.
    const early = Math.min(0, answeredAt - row.now_ms)
    const late = Math.max(0, askedAt - row.now_ms)
    const here = { who: 'this machine', aheadMs: early + late }
    const workers = (await read(workerHealth, []))
      .filter(({ alive }) => alive)
      .flatMap((worker) => {
        const atMs = clockOf(worker.environment)
        if (atMs === null) return []
        return { who: `the worker ${nameOf(worker)}`, aheadMs: atMs - worker.started_ms }
      })
    return judgeSkew([here, ...workers])
  },
}

export function judgeSkew(skews: readonly Skew[]): Finding {
  const wrong = skews.filter(({ aheadMs }) => Math.abs(aheadMs) >= NOTABLE_MS)
  const worst = Math.max(0, ...skews.map(({ aheadMs }) => Math.abs(aheadMs)))
  if (wrong.length === 0) {
    return ok(`No clock differs by ${spanOf(NOTABLE_MS)} from that of the database.`)
  }
  const said = wrong.map(
    ({ who, aheadMs }) =>
      `that of ${who} is ${spanOf(Math.abs(aheadMs))} ${aheadMs > 0 ? 'ahead' : 'behind'}`,
  )
  const level = worst >= WRONG_MS ? error : warning
  return level(
    `Clocks differ from that of the database: ${listed(said)}.`,
    'Let NTP set the clocks of these machines and of the database, such as by chrony.',
  )
}
