import { job } from 'chancy'
import { afterEach, beforeAll, describe, expect, it } from 'vitest'
import { empty, sql, startApp } from '../support/app.ts'
import { testSchema } from '../support/database.ts'
import { until } from '../support/until.ts'

const schema = testSchema()

/** Codes that say nothing about the values of a row. */
const NOT_ABOUT_THE_ROW = [
  ...['0A000', '0P000', '21000', '27000', '2BP01', '2F003', '38000', '39000', '3D000', '3F000'],
  ...['40002', '42501', '42601', '42703', '42883', '42P01', '42P05', '44000', '54000', '54001'],
  ...['55000', '55P04', 'F0000', 'HV000', 'P0001', 'P0002', 'XX000', 'XX001', 'XX002'],
]
/** Codes of data exceptions and constraints. */
const ABOUT_THE_ROW = [
  '22000',
  '22001',
  '22003',
  '22008',
  '22023',
  '22P02',
  '22P05',
  '23502',
  '23505',
]

// The history refuses a job of the queue's as its arguments say, for as long as there is a refusal.
beforeAll(async () => {
  await using _ = await startApp({ schema })
  await sql(
    schema,
    `CREATE TABLE $schema.refusals (code text PRIMARY KEY);
     CREATE FUNCTION $schema.refuse() RETURNS trigger LANGUAGE plpgsql AS $$
     BEGIN
       IF NEW.state = 'succeeded'
          AND EXISTS (SELECT 1 FROM $schema.refusals r WHERE r.code = NEW.args ->> 'code') THEN
         RAISE EXCEPTION 'refused for a test' USING ERRCODE = NEW.args ->> 'code',
               CONSTRAINT = CASE WHEN NEW.args ->> 'code' LIKE '23%' THEN 'a_test' ELSE '' END;
       END IF;
       RETURN NEW;
     END $$;
     CREATE TRIGGER refuse BEFORE INSERT ON $schema.finished_jobs
       FOR EACH ROW EXECUTE FUNCTION $schema.refuse()`,
  )
})

const refuse = (codes: readonly string[]) =>
  sql(schema, 'INSERT INTO $schema.refusals SELECT unnest($1::text[])', [codes])
const allow = () => sql(schema, 'DELETE FROM $schema.refusals')

afterEach(() => allow())

describe('an outcome that the database refuses for a reason that is not about its row', () => {
  it('is kept, tried again and saved once, and holds up no other', async () => {
    await empty(schema)
    const runs: string[] = []
    const work = job({ name: 'work' }, ({ code }: { code: string }) => {
      runs.push(code)
      return code
    })
    await using app = await startApp({ schema, jobs: work })
    const push = (codes: readonly string[]) =>
      app.chancy.pushMany(codes.map((code) => work.job.withArgs({ code })))
    expect(NOT_ABOUT_THE_ROW.length).toBeGreaterThanOrEqual(20)
    await refuse(NOT_ABOUT_THE_ROW)
    // In one batch, the refused ones among others.
    const valid = Array.from({ length: 100 }, (_, n) => `valid ${n}`)
    const all = [...NOT_ABOUT_THE_ROW, ...valid].sort()
    const troubles = app.all('database.error')
    const saved = app.all('job.saved')
    const refs = await push(all)
    await app.start()
    const done = await app.chancy.waitForJobs(refs.filter((_, n) => valid.includes(all[n]!)))
    expect(done.every(({ state }) => state === 'succeeded')).toBe(true)

    // Said, by an event and in the log, and tried alone.
    const said = () => new Set(troubles.map(({ error }) => (error as { code?: string }).code))
    await until(() => NOT_ABOUT_THE_ROW.every((code) => said().has(code)), { timeoutMs: 60_000 })
    const lines = app.lines.filter(({ message }) => message?.includes('was not recorded'))
    expect(lines.length).toBeGreaterThan(0)
    await until(() => saved.length >= valid.length)
    expect(saved.length).toBe(valid.length)
    // The worker compares its claims with the database: the jobs of these are in its ledger.
    expect(await app.next('claims.reconciled')).toEqual({ reclaimed: 0 })

    await allow()
    const kept = await app.chancy.waitForJobs(refs, { timeout: 60_000 })
    expect(kept.map(({ state, result }) => [state, result])).toEqual(
      all.map((code) => ['succeeded', code]),
    )
    expect([...runs].sort()).toEqual(all)
  }, 180_000)

  it('is saved by a worker that stops, when the reason ends in time', async () => {
    await empty(schema)
    let runs = 0
    const work = job({ name: 'work' }, (_: { code: string }) => ++runs)
    await using app = await startApp({ schema, jobs: work })
    await refuse(['42501'])
    const ref = await app.chancy.push(work.job.withArgs({ code: '42501' }))
    const worker = await app.start({ shutdownTimeout: '40s' })
    await app.next('database.error', ({ what }) => what === 'saving outcomes')
    const stopped = worker.stop()
    await app.next('database.error', ({ what }) => what === 'saving outcomes')
    await allow()
    await stopped
    expect(await app.chancy.getJob(ref)).toMatchObject({ state: 'succeeded', result: 1 })
    expect(runs).toBe(1)
  })

  it('because a partition of the history is missing waits for the partition', async () => {
    await empty(schema)
    let runs = 0
    const work = job({ name: 'work' }, (_: { code: string }) => ++runs)
    await using app = await startApp({ schema, jobs: work })
    await app.start()
    // The partition was dropped, and the function that creates partitions fails.
    const [day] = await sql<{ name: string }>(
      schema,
      `SELECT 'finished_jobs_' || to_char(now() AT TIME ZONE 'UTC', 'YYYYMMDD') AS name`,
    )
    await sql(schema, `ALTER TABLE $schema.finished_jobs DETACH PARTITION $schema.${day!.name}`)
    try {
      await sql(
        schema,
        'ALTER FUNCTION $schema.create_partitions_1(int) RENAME TO create_partitions_away',
      )
      const ref = await app.chancy.push(work.job.withArgs({ code: '' }))
      await until(() => app.lines.some(({ message }) => message?.includes('was not recorded')))
      await sql(
        schema,
        'ALTER FUNCTION $schema.create_partitions_away(int) RENAME TO create_partitions_1',
      )
      await sql(schema, `DROP TABLE $schema.${day!.name}`)
      expect(await app.chancy.waitForJob(ref)).toMatchObject({ state: 'succeeded' })
      expect(runs).toBe(1)
    } finally {
      await sql(schema, 'SELECT $schema.create_partitions_1(7)')
    }
  })
})

describe('an outcome that the database refuses for its row', () => {
  it('is saved as a failure with the reason', async () => {
    await empty(schema)
    const work = job({ name: 'work', maxAttempts: 3 }, ({ code }: { code: string }) => code)
    await using app = await startApp({ schema, jobs: work })
    await refuse(ABOUT_THE_ROW)
    const all = [...ABOUT_THE_ROW, 'valid']
    const refs = await app.chancy.pushMany(all.map((code) => work.job.withArgs({ code })))
    await app.start()
    const done = await app.chancy.waitForJobs(refs)
    for (const [n, one] of done.entries()) {
      if (all[n] === 'valid') expect(one).toMatchObject({ state: 'succeeded' })
      else expect(one).toMatchObject({ state: 'failed', errors: [{ kind: 'not-saved' }] })
    }
  })
})
