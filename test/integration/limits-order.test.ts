import { job, Queue } from 'chancy'
import { beforeEach, describe, expect, it } from 'vitest'
import { testApplication } from '../support/application.ts'
import { endedOrWaiting } from '../support/lock-wait.ts'
import { withMutant } from '../support/mutant.ts'
import { withPauses } from '../support/pause.ts'

const app = testApplication()
const WORKER = '01890000-0000-7000-8000-000000000001'
const task = job({ name: 'task', maxAttempts: 100 }, () => {})
const grouped = task.job.withConcurrency(1)

interface Claimed {
  readonly id: string | null
  readonly name: string
  readonly fence: string
  readonly ctid: string
}

// The statements of a worker by hand: who is where in a claim is the test's to say.
beforeEach(async () => {
  await app.sql(`INSERT INTO $workers (id, expires_at) VALUES ($1, 'infinity')`, [WORKER])
})

const CLAIM = `SELECT id::text AS id, name, fence::text AS fence, ctid::text AS ctid
                 FROM $claim_1('default', '${WORKER}', $1, '{task}', true)`

async function claim(room: number): Promise<Claimed[]> {
  return (await app.sql<Claimed & Record<string, unknown>>(CLAIM, [room])).slice(1)
}

async function finish({ id, fence, ctid }: Claimed, state: string, key: string | null = null) {
  await app.sql(
    `SELECT * FROM $finish_2($1, ARRAY[$2::tid], ARRAY[$3::uuid], ARRAY[$4::bigint], ARRAY[$5],
       NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, 0, $6::text[], NULL)`,
    [WORKER, ctid, id, fence, state, key === null ? null : [key]],
  )
}

/** The first job of a group runs, and the second is blocked by it. */
async function oneBlocked() {
  const chancy = app.chancy()
  await chancy.declare(new Queue('default', { executor: 'inline' }))
  await chancy.push(grouped)
  const [first] = await claim(10)
  const second = await chancy.push(grouped)
  expect(await claim(10)).toEqual([])
  return { chancy, first: first!, second }
}

describe('a blocked job', () => {
  it('does not wait for a younger one of its group that is far back in the line', async () => {
    const { chancy, first, second } = await oneBlocked()
    await chancy.pushMany(Array.from({ length: 300 }, () => task.job))
    const third = await chancy.push(grouped)

    await finish(first, 'succeeded', 'task')
    expect((await claim(5)).map(({ id }) => id)).toContain(second.id)
    // And the younger one waits for its turn, when it is looked at.
    await claim(1_000)
    expect(await chancy.explain(third)).toMatchObject({
      state: 'pending',
      reasons: [{ kind: 'no-worker' }, { kind: 'concurrency', running: 1, holders: [second.id] }],
    })
  })

  it('is not overtaken by a younger one, though no job of its group runs', async () => {
    const { chancy, first, second } = await oneBlocked()
    // Without its key, as if the wake-up were lost: the sweep finds the job later.
    await finish(first, 'succeeded')
    await chancy.push(grouped)
    expect(await claim(10)).toEqual([])
    await app.sql('SELECT * FROM $sweep_blocked_1(NULL, 10)')
    expect((await claim(10)).map(({ id }) => id)).toEqual([second.id])
  })
})

describe('a blocked job that became ready after the scan of a claim began', () => {
  const on = (text: string) => text.replace('$claim', `${app.schema}.claim`)

  /** What a claim takes whose scan sees the second job blocked and the third, younger one ready. */
  async function takenBeside(
    max: number,
  ): Promise<{ slow: string[]; second: string; third: string }> {
    const chancy = app.chancy()
    await chancy.declare(new Queue('default', { executor: 'inline' }))
    await app.sql('TRUNCATE $jobs, $claims')
    const limited = task.job.withConcurrency(max)
    await chancy.pushMany(Array(max).fill(limited))
    const [first] = await claim(10)
    const second = await chancy.push(limited)
    expect(await claim(10)).toEqual([])
    const third = await chancy.push(limited)
    const claiming = await app.client()
    const slow = await withPauses(app.schema, async (pauses) => {
      await pauses.before(claiming, third.id)
      const claimed = claiming.query<Claimed>(on(CLAIM), [10])
      await endedOrWaiting(claiming, claimed)
      await finish(first!, 'succeeded', 'task')
      await pauses.go()
      return (await claimed).rows.slice(1).map(({ id }) => id!)
    })
    return { slow, second: second.id, third: third.id }
  }

  it.each([1, 3])('is not overtaken by a younger one of max %d in that claim', async (max) => {
    const { slow, second } = await takenBeside(max)
    expect(slow).toEqual([])
    expect((await claim(10)).map(({ id }) => id)).toEqual([second])
  })

  it('is overtaken where a claim compares with jobs that are still blocked alone', async () => {
    const blockedAlone = { from: /j\.position < 0 AND j\.claim_seq IS NULL/, to: 'false' }
    await withMutant(app.schema, 'claim_1', blockedAlone, async () => {
      const { slow, third } = await takenBeside(1)
      expect(slow).toEqual([third])
    })
  })

  it('is not overtaken by one that became ready after it and is claimed sooner', async () => {
    const chancy = app.chancy()
    await chancy.declare(new Queue('default', { executor: 'inline' }))
    const limited = task.job.withConcurrency(2)
    await chancy.pushMany([limited, limited])
    const running = await claim(10)
    const older = await chancy.push(limited)
    const younger = await chancy.push(limited)
    expect(await claim(10)).toEqual([])
    for (const each of running) await finish(each, 'succeeded', 'task')
    // Another claim has come as far as to its job.
    const other = await app.client()
    await other.query('BEGIN')
    await other.query(`SELECT 1 FROM ${app.schema}.jobs WHERE id = $1 FOR NO KEY UPDATE`, [
      older.id,
    ])
    expect(await claim(10)).toEqual([])
    await other.query('ROLLBACK')
    expect((await claim(10)).map(({ id }) => id)).toEqual([older.id])
    await app.sql('SELECT * FROM $sweep_blocked_1(NULL, 10)')
    expect((await claim(10)).map(({ id }) => id)).toEqual([younger.id])
  })
})

describe('a claim that waits for the queue', () => {
  it.each([
    ['goes by the rate limit that it finds then', 'rate_max = 2', 2],
    ['takes nothing from a queue that was paused meanwhile', "state = 'paused'", 0],
    ['is released after its limit was removed', 'rate_max = NULL, rate_per_ms = NULL', 20],
  ])('%s', async (_title, change, taken) => {
    const chancy = app.chancy()
    const rateLimit = { max: 100, per: '1h' } as const
    await chancy.declare(new Queue('default', { executor: 'inline', rateLimit }))
    await chancy.pushMany(Array.from({ length: 50 }, () => task.job))
    const changing = await app.client()
    const claiming = await app.client()
    await changing.query('BEGIN')
    await changing.query(`UPDATE ${app.schema}.queues SET ${change}`)
    const claimed = claiming.query(CLAIM.replace('$claim', `${app.schema}.claim`), [20])
    await endedOrWaiting(claiming, claimed)
    await changing.query('COMMIT')
    expect((await claimed).rows).toHaveLength(1 + taken)
    await app.sql('TRUNCATE $rate_starts')
  })
})

describe('explainQueue', () => {
  it('counts a running job once that stands in several claims', async () => {
    const chancy = app.chancy()
    await chancy.declare(new Queue('default', { executor: 'inline' }))
    await chancy.pushMany([task.job, task.job])
    let held = await claim(2)
    for (let n = 0; n < 4; n++) {
      const [again, ...others] = held
      await finish(again!, 'retrying')
      held = [...others, ...(await claim(2))]
    }
    expect((await chancy.explainQueue('default')).counts.running).toEqual({
      jobs: 2,
      hasMore: false,
    })
  })
})
