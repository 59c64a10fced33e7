import { randomBytes } from 'node:crypto'
import { systemClock } from '../../core/clock.ts'
import type { Database } from '../../database/database.ts'
import * as advice from '../../database/statements/advice.ts'
import { notificationUsage } from '../../database/statements/diagnosis-server.ts'
import { notifyChannel } from '../../database/statements/queues.ts'
import { type Check, error, type Finding, ok, warning } from './check.ts'

/** How long the notification to itself is waited for, in milliseconds. */
const PATIENCE_MS = 2_000
/** From there on nothing is sent any more: see `database/notify-room.ts`. */
const [HALF, FULL] = [0.5, 0.9]

export const notifications: Check = {
  id: 'notifications',
  title: 'LISTEN and NOTIFY',
  needsSchema: false,
  connects: true,
  async run({ read, database, notifications: areOn }) {
    const [row] = await read(notificationUsage, [])
    const queue = judgeQueue(row?.usage ?? 0)
    if (queue !== null) return queue
    if (!areOn) return ok('They are off, as the option notifications says.')
    if (database.isPooled) return ok('There are none behind a transaction pooler.')
    return (await arrives(database))
      ? ok('A notification to itself arrived.')
      : warning(
          `A notification to itself did not arrive within ${PATIENCE_MS / 1_000} s: work is found by polling alone.`,
          "Look for a pooler that keeps no sessions, and give pooler: 'transaction'; or the address of the server itself.",
        )
  },
}

export function judgeQueue(usage: number): Finding | null {
  if (usage < HALF) return null
  const said = `The server's queue of notifications is ${Math.round(usage * 100)} % full`
  const todo = `End the session that listens and stays in a transaction: ${advice.IDLE_SESSIONS}.`
  return usage < FULL
    ? warning(`${said}.`, todo)
    : error(`${said}: none is sent any more, and work is found by polling.`, todo)
}

/** On a channel of its own, so that no worker is disturbed. */
async function arrives(database: Database): Promise<boolean> {
  const channel = `chancy_doctor_${randomBytes(8).toString('hex')}`
  const over = new AbortController()
  let settle: (arrived: boolean) => void = () => {}
  const arrival = new Promise<boolean>((resolve) => {
    settle = resolve
  })
  const unlisten = await database.driver.listen(channel, {
    onPayload: () => settle(true),
    onLost: () => settle(false),
  })
  try {
    await database.run(notifyChannel, [channel, 'doctor'], { prepare: false })
    const late = systemClock.sleep(PATIENCE_MS, over.signal).then(() => false)
    return await Promise.race([arrival, late])
  } finally {
    over.abort()
    await unlisten()
  }
}
