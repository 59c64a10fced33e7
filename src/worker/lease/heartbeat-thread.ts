import { parentPort, workerData } from 'node:worker_threads'
import { systemClock } from '../../core/clock.ts'
import { Database } from '../../database/database.ts'
import type { Address } from '../../database/driver.ts'
import { pgOfAddress } from '../../database/drivers/pg-of-address.ts'
import { namesOf } from '../../database/names.ts'
import { renewLease } from '../../database/statements/workers.ts'
import {
  LeaseRenewal,
  type RenewalRoute,
  type RenewalSettings,
  type RenewalTarget,
} from './lease-renewal.ts'
import { LeaseState } from './lease-state.ts'

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

/** What the worker's loop sends to the thread. */
export type HeartbeatCommand =
  | { readonly kind: 'renew'; readonly target: RenewalTarget }
  | { readonly kind: 'figures'; readonly figures: string }
  | { readonly kind: 'stop' }

/** A connection of its own. */
function ownConnection({ address, schema, isPooled }: HeartbeatData): RenewalRoute {
  const driver = pgOfAddress(address, isPooled ? { pooler: 'transaction' } : {})
  const options = { clock: systemClock, prepare: !isPooled }
  const database = new Database(driver, namesOf(schema), options)
  return {
    renew: async ({ workerId, figures }, leaseMs, deadlineMs) =>
      (await database.run(renewLease, [workerId, leaseMs, figures], { deadlineMs }))[0],
    close: () => void driver.close().catch(() => {}),
  }
}

/** Renews a lease in a thread, so that a blocked event loop does not delay it. */
async function main(port: NonNullable<typeof parentPort>, data: HeartbeatData): Promise<void> {
  let { target } = data
  let isStopped = false
  let waking = new AbortController()
  const renewal = new LeaseRenewal({
    open: () => ownConnection(data),
    lease: new LeaseState(systemClock, data.buffer),
    settings: data.settings,
  })
  port.on('message', (command: HeartbeatCommand) => {
    if (command.kind === 'figures') {
      // For the next renewal, which comes by itself.
      target = { ...target, figures: command.figures }
      return
    }
    if (command.kind === 'stop') isStopped = true
    else target = command.target
    waking.abort()
  })
  while (!isStopped) {
    waking = new AbortController()
    const { signal } = waking
    const waitMs = await renewal.once(target, (result) => port.postMessage(result))
    if (!isStopped) await systemClock.sleep(waitMs, signal)
  }
  renewal.close()
  // Deno's port has no end of its own, and its thread ends by the global instead.
  const end = port.close?.bind(port) ?? (globalThis as { close?: () => void }).close
  end?.()
}

if (parentPort !== null) void main(parentPort, workerData as HeartbeatData)
