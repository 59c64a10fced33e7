import type { Driver } from '../support/chancy.ts'
import { nameOf } from '../support/timed-driver.ts'

/** What statements are for; `rest` is leases, queues, sweeps, history and whatever else there is. */
export const KINDS = ['push', 'claim', 'finish', 'waiting', 'rest'] as const
export type Kind = (typeof KINDS)[number]

const KIND_OF: Readonly<Record<string, Kind>> = {
  push_jobs: 'push',
  push_and_claim: 'push',
  claim_jobs: 'claim',
  complete_jobs: 'finish',
  get_states: 'waiting',
  add_waiters: 'waiting',
  remove_waiters: 'waiting',
  get_jobs: 'waiting',
  get_awaited: 'waiting',
}

export function kindOf(name: string): Kind {
  return KIND_OF[name] ?? 'rest'
}

/**
 * Sends each kind of statement over connections of its own, so that the processor time of a server
 * process belongs to one kind. An ordinary pool has fewer connections, and mixes them.
 */
export function routedDriver(drivers: Readonly<Record<Kind, Driver>>): Driver {
  const { rest } = drivers
  return {
    sessions: KINDS.reduce((sum, kind) => sum + drivers[kind].sessions, 0),
    query: (query) => drivers[kindOf(nameOf(query))].query(query),
    transaction: (work) => rest.transaction(work),
    reserve: () => rest.reserve(),
    listen: (channel, listener) => rest.listen(channel, listener),
    address: async () => (await rest.address?.()) ?? null,
    close: async () => {
      await Promise.all(KINDS.map((kind) => drivers[kind].close()))
    },
  }
}
