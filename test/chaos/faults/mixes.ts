import { setTimeout as sleep } from 'node:timers/promises'
import type { EmbeddedPostgres } from 'chancy/embedded-postgres'
import type { Chance } from '../../support/seed.ts'
import type { Fleet } from './fleet.ts'
import type { Fault } from './ledger.ts'

/** What a mix may use. */
export interface FaultContext {
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
  /**
   * Workers and producers connect as roles that own nothing, in a database with a publication of all
   * tables. Default: as the owner of the schema.
   */
  readonly asRoles?: true
  /** One fault, from its beginning until the next may come. */
  readonly strike: (context: FaultContext) => Promise<void>
}

const now = (): number => Date.now()
/** The roles of a mix that has some. */
export const WORKER_ROLE = 'chaos_worker'
export const PRODUCER_ROLE = 'chaos_producer'

const LOSABLE = ['claim_1', 'finish_2', 'push', 'renew', 'recover_2', 'stage_1', '']

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
    name: 'freezes',
    about: 'all workers are stopped for up to two leases at a time, and continued',
    strike: async ({ fleet, luck, leaseMs, note }) => {
      await sleep(luck.between(2_000, leaseMs))
      const members = fleet.idle
      const fault = note({
        kind: 'freeze',
        pid: null,
        from: now(),
        to: Number.POSITIVE_INFINITY,
        mayRepeat: true,
      })
      for (const { process } of members) process.kill('SIGSTOP')
      await sleep(luck.between(leaseMs / 4, leaseMs * 2))
      for (const { process } of members) process.kill('SIGCONT')
      fault.to = now()
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
    about: 'the server restarts: fast, immediate, and by a crash',
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
  {
    name: 'roles',
    about: 'rights of a worker role and of a producer role are taken away for up to 2 s',
    asRoles: true,
    strike: async ({ sql, luck, note }) => {
      await sleep(luck.between(500, 1_500))
      const fault = note({ kind: 'rights', pid: null, from: now(), to: now(), mayRepeat: false })
      const [role, pattern] = luck.pick([
        [WORKER_ROLE, 'claim'],
        [WORKER_ROLE, 'finish'],
        [WORKER_ROLE, '%'],
        [PRODUCER_ROLE, 'push'],
      ] as const)
      await sql(rights('REVOKE', 'FROM', role, pattern))
      await sleep(luck.between(100, 2_000))
      await sql(rights('GRANT', 'TO', role, pattern))
      fault.to = now()
    },
  },
]

/** Of every function of the schema whose name begins so and that the role has a right to at first. */
function rights(verb: string, preposition: string, role: string, pattern: string): string {
  return `DO $$
    DECLARE
      one regprocedure;
    BEGIN
      FOR one IN
        SELECT f.name::regprocedure FROM chaos_rights f
         WHERE f.role = '${role}' AND f.name LIKE 'chancy.${pattern}%'
      LOOP
        EXECUTE format('${verb} EXECUTE ON FUNCTION %s ${preposition} ${role}', one);
      END LOOP;
    END $$`
}
