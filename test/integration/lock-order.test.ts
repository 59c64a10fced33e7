import { job, Queue } from 'chancy'
import type pg from 'pg'
import { beforeEach, describe, expect, it } from 'vitest'
import { testApplication } from '../support/application.ts'
import { endedOrWaiting } from '../support/lock-wait.ts'
import { withMutant } from '../support/mutant.ts'
import { withPauses } from '../support/pause.ts'

const app = testApplication()
const { schema } = app
const WORKER = '01890000-0000-7000-8000-000000000001'
const GONE = '01890000-0000-7000-8000-000000000002'
const KEY = 'task'
const task = job({ name: 'task', maxAttempts: 100 }, () => {})
const grouped = task.job.withConcurrency(5)

interface Claimed {
  readonly id: string
  readonly fence: string
  readonly ctid: string
}

beforeEach(async () => {
  await app.sql(`INSERT INTO $workers (id, expires_at) VALUES ($1, 'infinity'), ($2, 'infinity')`, [
    WORKER,
    GONE,
  ])
})

const on = (client: pg.Client, text: string, values: unknown[] = []) =>
  client.query(text.replace(/\$([a-z_]+)/g, `${schema}.$1`), values)

const CLAIM = `SELECT id::text AS id, fence::text AS fence, ctid::text AS ctid
                 FROM $claim_1('default', $1, $2, '{task}', true)
                WHERE id IS NOT NULL`

async function claim(worker: string, room: number): Promise<Claimed[]> {
  return app.sql<Claimed & Record<string, unknown>>(CLAIM, [worker, room])
}

const FINISH = `SELECT * FROM $finish_2($1, ARRAY[$2::tid], ARRAY[$3::uuid], ARRAY[$4::bigint],
  ARRAY[$5], NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, 0, '{${KEY}}', NULL)`
const LOCK_GROUP = `SELECT 1 FROM $lock_groups_1('{${KEY}}')`

/** The error codes of two transactions, once both have ended. */
interface Endings {
  readonly errors: readonly string[]
  readonly running: number
}

/**
 * A claim sees a job as ready in an old snapshot and reads its newest version, which another
 * claim has taken: it keeps the lock of that version, though the job is not its own. Meanwhile `other`
 * ends that job, while a third session holds the group for a moment.
 */
async function crossed(
  owner: string,
  other: (client: pg.Client, held: Claimed) => Promise<unknown>,
): Promise<Endings> {
  const chancy = app.chancy()
  await chancy.declare(new Queue('default', { executor: 'inline' }))
  await app.sql('TRUNCATE $jobs, $claims')
  await app.sql(`INSERT INTO $concurrency_groups VALUES ('${KEY}') ON CONFLICT DO NOTHING`)
  const [first] = await chancy.pushMany([grouped, grouped])
  const [holder, claiming, ending] = [await app.client(), await app.client(), await app.client()]
  const errors: string[] = []
  const noted = (statement: Promise<unknown>) =>
    statement.catch(({ code }: { code: string }) => void errors.push(code))
  await withPauses(schema, async (pauses) => {
    await pauses.before(claiming, first!.id)
    const slow = noted(on(claiming, CLAIM, [WORKER, 10]))
    await endedOrWaiting(claiming, slow)
    const [held] = await claim(owner, 1)
    expect(held!.id).toBe(first!.id)
    await on(holder, 'BEGIN')
    await on(holder, LOCK_GROUP)
    const ended = noted(other(ending, held!))
    await endedOrWaiting(ending, ended)
    await pauses.go()
    await endedOrWaiting(claiming, slow)
    await on(holder, 'COMMIT')
    await Promise.all([slow, ended])
  })
  const [{ running }] = (await app.sql<{ running: number }>(
    "SELECT count(*)::int AS running FROM $jobs WHERE state = 'running'",
  )) as [{ running: number }]
  return { errors, running }
}

const GROUPS_FIRST = { from: /\bBEGIN\b/, to: `BEGIN PERFORM ${schema}.lock_groups_1('{${KEY}}');` }

describe('a claim that keeps the lock of a job which another one took', () => {
  const finish =
    (state: string) =>
    (client: pg.Client, { id, fence, ctid }: Claimed) =>
      on(client, FINISH, [WORKER, ctid, id, fence, state])
  const recover = async (client: pg.Client) => {
    await app.sql('UPDATE $workers SET revoked_at = now() WHERE id = $1', [GONE])
    return on(client, 'SELECT * FROM $recover_1(10, 3, 0)')
  }
  const cancel = (client: pg.Client, { id }: Claimed) =>
    on(client, 'SELECT * FROM $cancel_1($1, false)', [id])

  it.each([
    ['the finish of that job', WORKER, finish('succeeded'), 1],
    ['its release', WORKER, finish('pending'), 1],
    ['the recovery of that job', GONE, recover, 1],
    ['its cancel', WORKER, cancel, 2],
  ] as const)('does not deadlock with %s', async (_what, owner, other, running) => {
    expect(await crossed(owner, other)).toEqual({ errors: [], running })
  })

  it('deadlocks with a finish that locks its groups before its jobs', async () => {
    await withMutant(schema, 'finish_2', GROUPS_FIRST, async () => {
      const { errors } = await crossed(WORKER, finish('succeeded'))
      expect(errors).toEqual(['40P01'])
    })
  })
})
