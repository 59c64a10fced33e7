import { parentPort, workerData } from 'node:worker_threads'
import { systemClock } from '../core/clock.ts'
import { Database } from '../database/database.ts'
import type { Address } from '../database/driver.ts'
import { pgOfAddress } from '../database/drivers/pg-of-address.ts'
import { namesOf } from '../database/names.ts'
import { LeaseClock } from './lease-clock.ts'
import { type RenewalSettings, renewOnce } from './lease-renewal.ts'

/** What the thread is started with. */
export interface HeartbeatData {
  readonly address: Address
  readonly schema: string
  readonly buffer: SharedArrayBuffer
  readonly workerId: string
  readonly settings: RenewalSettings
  /** Whether there is a transaction pooler in between. */
  readonly isPooled: boolean
}

/** What the loop tells the thread: another id to renew, or the end. */
export type HeartbeatOrder =
  | { readonly kind: 'renew'; readonly workerId: string }
  | { readonly kind: 'stop' }

/** Renews a lease beside the loop, so that a loop that is blocked costs it nothing. */
async function main(port: NonNullable<typeof parentPort>, data: HeartbeatData): Promise<void> {
  const driver = pgOfAddress(data.address, data.isPooled ? { pooler: 'transaction' } : {})
  const database = new Database(driver, namesOf(data.schema), {
    clock: systemClock,
    prepare: !data.isPooled,
  })
  const clock = new LeaseClock(data.buffer)
  let { workerId } = data
  let isStopped = false
  let waking = new AbortController()
  port.on('message', (order: HeartbeatOrder) => {
    if (order.kind === 'stop') isStopped = true
    else workerId = order.workerId
    waking.abort()
  })
  while (!isStopped) {
    waking = new AbortController()
    const { signal } = waking
    const waitMs = await renewOnce(database, workerId, clock, data.settings, (news) =>
      port.postMessage(news),
    )
    if (!isStopped) await systemClock.sleep(waitMs, signal)
  }
  await driver.close()
  port.close()
}

if (parentPort !== null) void main(parentPort, workerData as HeartbeatData)
