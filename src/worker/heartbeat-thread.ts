import { parentPort, workerData } from 'node:worker_threads'
import { systemClock } from '../core/clock.ts'
import { Database } from '../database/database.ts'
import type { Address } from '../database/driver.ts'
import { pgOfAddress } from '../database/drivers/pg-of-address.ts'
import { namesOf } from '../database/names.ts'
import { renewLease } from '../database/statements/workers.ts'
import { LeaseClock } from './lease-clock.ts'
import {
  LeaseRenewal,
  type RenewalRoute,
  type RenewalSettings,
  type RenewalTarget,
} from './lease-renewal.ts'

/** What the thread is started with. */
export interface HeartbeatData {
  readonly address: Address
  readonly schema: string
  readonly buffer: SharedArrayBuffer
  readonly target: RenewalTarget
  readonly settings: RenewalSettings
  /** Whether there is a transaction pooler in between. */
  readonly isPooled: boolean
}

/** What the loop sends to the thread: what to renew now, or the end. */
export type HeartbeatOrder =
  | { readonly kind: 'renew'; readonly target: RenewalTarget }
  | { readonly kind: 'stop' }

/** A connection of its own. */
function ownConnection({ address, schema, isPooled }: HeartbeatData): RenewalRoute {
  const driver = pgOfAddress(address, isPooled ? { pooler: 'transaction' } : {})
  const options = { clock: systemClock, prepare: !isPooled }
  const database = new Database(driver, namesOf(schema), options)
  return {
    renew: async (workerId, leaseMs, deadlineMs) =>
      (await database.run(renewLease, [workerId, leaseMs], { deadlineMs }))[0],
    close: () => void driver.close().catch(() => {}),
  }
}

/** Renews a lease beside the loop, so that a loop that is blocked costs it nothing. */
async function main(port: NonNullable<typeof parentPort>, data: HeartbeatData): Promise<void> {
  let { target } = data
  let isStopped = false
  let waking = new AbortController()
  const renewal = new LeaseRenewal({
    open: () => ownConnection(data),
    lease: new LeaseClock(data.buffer),
    settings: data.settings,
  })
  port.on('message', (order: HeartbeatOrder) => {
    if (order.kind === 'stop') isStopped = true
    else target = order.target
    waking.abort()
  })
  while (!isStopped) {
    waking = new AbortController()
    const { signal } = waking
    const waitMs = await renewal.once(target, (news) => port.postMessage(news))
    if (!isStopped) await systemClock.sleep(waitMs, signal)
  }
  renewal.close()
  // Deno's port has no end of its own, and its thread ends by the global instead.
  const end = port.close?.bind(port) ?? (globalThis as { close?: () => void }).close
  end?.()
}

if (parentPort !== null) void main(parentPort, workerData as HeartbeatData)
