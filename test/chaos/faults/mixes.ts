import { setTimeout as sleep } from 'node:timers/promises'
import type { EmbeddedPostgres } from 'chancy/embedded-postgres'
import type { Chance } from '../../support/seed.ts'
import type { Fleet } from './fleet.ts'
import type { Fault } from './ledger.ts'

/** What a mix may use. */
export interface Stage {
  readonly server: EmbeddedPostgres
  readonly fleet: Fleet
  readonly luck: Chance
  readonly leaseMs: number
  /** Statements by a superuser, straight to the server. */
  readonly sql: (text: string, values?: readonly unknown[]) => Promise<void>
  readonly note: (fault: Fault) => Fault
}

export interface Mix {
  readonly name: string
  readonly about: string
  /** One fault, from its beginning until the next may come. */
  readonly strike: (stage: Stage) => Promise<void>
}

const now = (): number => Date.now()
const LOSABLE = ['claim_1', 'finish_1', 'push', 'renew', 'recover_1', 'stage_1', '']

export const mixes: readonly Mix[] = [
  {
    name: 'sessions',
    about: 'sessions of workers and producers are ended by the server, four a second',
    strike: async ({ sql, luck, note }) => {
      await sleep(luck.between(150, 350))
      note({ kind: 'session', pid: null, from: now(), to: now(), mayRepeat: false })
      await sql(
        `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
          WHERE datname = current_database() AND pid <> pg_backend_pid()
            AND backend_type = 'client backend' AND application_name = 'chaos'
          ORDER BY random() LIMIT 1`,
      )
    },
  },
  {
    name: 'replies',
    about: 'the answer to a statement is lost after its commit, four a second',
    strike: async ({ fleet, luck, note }) => {
      await sleep(luck.between(150, 350))
      const { proxy } = luck.pick(fleet.idle)
      const cut = proxy.cutReplies(luck.pick(LOSABLE))
      const hit = await Promise.race([cut.hit.then(() => true), sleep(500)])
      cut.stop()
      if (hit) note({ kind: 'reply', pid: null, from: now(), to: now(), mayRepeat: false })
    },
  },
  {
    name: 'holes',
    about: 'connections of a worker go silent for up to lease - 5 s, and never come back',
    strike: async ({ fleet, luck, leaseMs, note }) => {
      await sleep(luck.between(500, 1_500))
      if (fleet.idle.length < 2) return
      const member = luck.pick(fleet.idle)
      const fault = note({
        kind: 'hole',
        pid: member.process.pid,
        from: now(),
        to: Number.POSITIVE_INFINITY,
        mayRepeat: false,
      })
      fleet.busy.add(member)
      member.proxy.silence()
      await sleep(luck.between(500, leaseMs - 5_000))
      member.proxy.endSilence()
      fault.to = now()
      // Until the next hole the lease is whole again.
      void sleep(leaseMs / 2).then(() => fleet.busy.delete(member))
    },
  },
  {
    name: 'stops',
    about: 'workers are stopped for up to two leases, and continued',
    strike: async ({ fleet, luck, leaseMs, note }) => {
      await sleep(luck.between(500, 1_500))
      if (fleet.idle.length < 2) return
      const member = luck.pick(fleet.idle)
      const fault = note({
        kind: 'stop',
        pid: member.process.pid,
        from: now(),
        to: Number.POSITIVE_INFINITY,
        mayRepeat: true,
      })
      fleet.busy.add(member)
      member.process.kill('SIGSTOP')
      void sleep(luck.between(leaseMs / 4, leaseMs * 2)).then(() => {
        member.process.kill('SIGCONT')
        fault.to = now()
        fleet.busy.delete(member)
      })
    },
  },
  {
    name: 'kills',
    about: 'workers are killed, one or three of four at a time',
    strike: async ({ fleet, luck, note }) => {
      await sleep(luck.between(1_000, 3_000))
      const victims = luck.next() < 0.3 ? fleet.idle.slice(0, 3) : fleet.idle.slice(0, 1)
      if (fleet.idle.length < 4) return
      for (const member of victims) {
        const { pid } = member.process
        note({ kind: 'kill', pid, from: now(), to: now(), mayRepeat: true })
        member.process.kill('SIGKILL')
        fleet.replace(member)
      }
    },
  },
  {
    name: 'restarts',
    about: 'the server restarts: fast, at once, and by a crash',
    strike: async ({ server, luck, note }) => {
      await sleep(luck.between(2_000, 4_000))
      const fault = note({ kind: 'restart', pid: null, from: now(), to: now(), mayRepeat: false })
      const mode = luck.pick(['fast', 'immediate', 'kill'] as const)
      await server.restart({ mode, downMs: luck.between(0, 2_000) })
      fault.to = now()
    },
  },
  {
    name: 'clock',
    about: 'the clock of the database steps forwards and back, by up to four leases',
    strike: async ({ sql, luck, leaseMs, note }) => {
      await sleep(luck.between(leaseMs / 2, leaseMs))
      note({ kind: 'clock', pid: null, from: now(), to: now(), mayRepeat: false })
      // What a step does to a lease: all that was written before it is that much older.
      const ms = luck.between(leaseMs, leaseMs * 4) * (luck.next() < 0.7 ? 1 : -1)
      await sql(
        `UPDATE chancy.workers
            SET expires_at = expires_at - make_interval(secs => $1::float8 / 1000),
                renewed_at = renewed_at - make_interval(secs => $1::float8 / 1000)`,
        [ms],
      )
    },
  },
]
