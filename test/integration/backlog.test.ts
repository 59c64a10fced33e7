import { grant, Job, job, Queue } from 'chancy'
import { afterEach, describe, expect, it } from 'vitest'
import { sql, startApp } from '../support/app.ts'
import { testSchema, withClient } from '../support/database.ts'

const schema = testSchema()
const task = Job.named('task', { queue: 'mail' })
const ok = job({ name: 'ok', queue: 'mail' }, () => 'ok')
const backlog = async (queue = 'mail'): Promise<unknown> => {
  const [row] = await sql<{ n: unknown }>(schema, 'SELECT $schema.backlog($1) AS n', [queue])
  return row?.n
}
const WORKER = '01900000-0000-7000-8000-000000000001'

afterEach(() =>
  sql(schema, 'TRUNCATE $schema.jobs, $schema.claims, $schema.workers, $schema.scan_watermarks'),
)

describe('backlog', () => {
  it('is an integer: jobs of the queue that are due, and not those whose time has not come', async () => {
    await using app = await startApp({ schema })
    expect(await backlog()).toBe(0)
    await app.chancy.pushMany([task, task, task.withQueue('other')])
    await app.chancy.push(task.withDelay('1h'))
    expect(await backlog()).toBe(2)
    expect(await backlog('other')).toBe(1)
    expect(await backlog('none')).toBe(0)
  })

  it('counts without a worker what is due and not staged, what is parked, and what a dead worker ran', async () => {
    await using app = await startApp({ schema })
    const [due, parked, left] = await app.chancy.pushMany([task.withDelay('1h'), task, task, task])
    await sql(
      schema,
      `UPDATE $schema.jobs SET run_at = now() - interval '1 second' WHERE id = '${due!.id}';
       UPDATE $schema.jobs SET parked = true, position = NULL WHERE id = '${parked!.id}';
       UPDATE $schema.jobs SET state = 'running', worker_id = '${WORKER}', started_at = now() WHERE id = '${left!.id}';
       INSERT INTO $schema.claims VALUES ('${WORKER}', 1, '{${left!.id}}'), ('${WORKER}', 2, '{${left!.id}}')`,
    )
    expect(await backlog()).toBe(4)
    await sql(
      schema,
      `INSERT INTO $schema.workers (id, expires_at) VALUES ('${WORKER}', now() + interval '1 hour')`,
    )
    expect(await backlog()).toBe(3)
    await sql(schema, `UPDATE $schema.workers SET revoked_at = now()`)
    expect(await backlog()).toBe(4)
  })

  it('counts no job that is blocked, and none that runs', async () => {
    await using app = await startApp({ schema })
    await app.chancy.pushMany([task, task])
    await sql(
      schema,
      `UPDATE $schema.jobs SET blocked = true, position = NULL WHERE id = (SELECT min(id::text)::uuid FROM $schema.jobs)`,
    )
    expect(await backlog()).toBe(1)
    await sql(
      schema,
      `UPDATE $schema.jobs SET state = 'running', worker_id = '${WORKER}' WHERE NOT blocked`,
    )
    expect(await backlog()).toBe(0)
  })

  it('stops at 10,000', async () => {
    await using app = await startApp({ schema })
    await sql(
      schema,
      `INSERT INTO $schema.jobs (id, queue, name, seq, position)
       SELECT $schema.new_id(), 'mail', 'task', n, n FROM generate_series(1, 10100) AS s(n)`,
    )
    expect(await backlog()).toBe(10_000)
    await sql(schema, 'DELETE FROM $schema.jobs WHERE position > 9999')
    expect(await backlog()).toBe(9_999)
    void app
  })

  it('is the same where the queue has watermarks, in each of their ranges', async () => {
    await using app = await startApp({ schema })
    await app.chancy.pushMany([2, 1, 0, 0, -1].map((priority) => task.withPriority(priority)))
    for (let n = 0; n < 2; n++) {
      await sql(schema, `SELECT $schema.advance_watermarks_1('mail', '{0,1}')`)
      await sql(
        schema,
        `UPDATE $schema.scan_watermarks SET advanced_at = now() - interval '2 seconds'`,
      )
    }
    const [marks] = await sql<{ ranges: number }>(
      schema,
      `SELECT cardinality(highs) AS ranges FROM $schema.scan_watermarks`,
    )
    expect(marks?.ranges).toBeGreaterThan(4)
    expect(await backlog()).toBe(5)
  })

  it('may be called by a reader and an operator, and not by a producer', async () => {
    await using app = await startApp({ schema })
    for (const [kind, may] of [
      ['reader', true],
      ['operator', true],
      ['producer', false],
    ] as const) {
      const role = `${schema}_${kind}`
      await sql(schema, `CREATE ROLE ${role}`)
      try {
        await grant(app.chancy, kind, role)
        const called = withClient(async (client) => {
          await client.query(`SET ROLE ${role}`)
          return client.query(`SELECT ${schema}.backlog('mail')`)
        })
        if (may) expect((await called).rows).toEqual([{ backlog: 0 }])
        else await expect(called).rejects.toMatchObject({ code: '42501' })
      } finally {
        await sql(schema, `DROP OWNED BY ${role}; DROP ROLE ${role}`)
      }
    }
  })

  it('goes down to nothing while a worker runs the jobs', async () => {
    await using app = await startApp({ schema, jobs: ok })
    await app.chancy.declare(new Queue('mail', { executor: 'inline' }))
    const refs = await app.chancy.pushMany(Array.from({ length: 50 }, () => ok))
    expect(await backlog()).toBe(50)
    await app.start()
    await app.chancy.waitForJobs(refs)
    expect(await backlog()).toBe(0)
  })
})
