import { job } from 'chancy'
import { beforeEach, describe, expect, it } from 'vitest'
import { empty, sql, startApp, type TestApp } from '../support/app.ts'
import { testSchema } from '../support/database.ts'
import { until } from '../support/until.ts'

const schema = testSchema()
const other = job({ name: 'other' }, () => 'other')

beforeEach(async () => {
  await using app = await startApp({ schema })
  await app.chancy.migrate()
  await empty(schema)
})

/** A job that runs until it is ended from outside, and the signals of its attempts. */
function stuck() {
  const signals: AbortSignal[] = []
  const ends: ((result: string) => void)[] = []
  const hold = job({ name: 'hold' }, (_: object, { signal }) => {
    signals.push(signal)
    return new Promise<string>((resolve) => void ends.push(resolve))
  })
  return { hold, signals, ends }
}

describe('synchronous_commit of a claim', () => {
  it.each([
    [true, 'on'],
    [false, 'off'],
  ])('with durableClaims: %s is %s', async (durableClaims, setting) => {
    await sql(
      schema,
      `CREATE TABLE $schema.noted (setting text);
       CREATE FUNCTION $schema.note() RETURNS trigger LANGUAGE plpgsql AS $$
       BEGIN
         INSERT INTO $schema.noted VALUES (current_setting('synchronous_commit'));
         RETURN NULL;
       END $$;
       CREATE TRIGGER note AFTER INSERT ON $schema.claims
          FOR EACH ROW EXECUTE FUNCTION $schema.note()`,
    )
    try {
      await using app = await startApp({ schema, jobs: other })
      // Pushed before there is a worker, so that it is claimed by itself and not along with its push.
      const ref = await app.chancy.push(other)
      await app.start({ durableClaims })
      await app.chancy.waitForJob(ref)
      expect(await sql(schema, 'SELECT setting FROM $schema.noted')).toEqual([{ setting }])
    } finally {
      await sql(
        schema,
        `DROP TRIGGER note ON $schema.claims;
         DROP FUNCTION $schema.note;
         DROP TABLE $schema.noted`,
      )
    }
  })
})

describe('a claim that the server has lost in a crash', () => {
  /** Restores the row from before its claim, with its fence moved, and wakes the worker. */
  async function loseClaim({ chancy }: TestApp, fenceBy: number): Promise<void> {
    await sql(
      schema,
      `WITH gone AS (DELETE FROM $schema.claims), next AS (SELECT nextval('$schema.positions') AS seq)
       UPDATE $schema.jobs
          SET state = 'pending', worker_id = NULL, started_at = NULL, attempts = attempts - 1,
              fence = fence + ${fenceBy}, seq = next.seq, position = next.seq
         FROM next`,
    )
    await chancy.waitForJob(await chancy.push(other))
  }

  it('drops the attempt that runs here when the job is handed over again', async () => {
    const { hold, signals, ends } = stuck()
    await using app = await startApp({ schema, jobs: [hold, other] })
    const ref = await app.chancy.push(hold)
    const started = app.next('job.started')
    await app.start({ durableClaims: false })
    await started
    const again = app.next('job.started', ({ job: { id } }) => id === ref.id)
    // Another worker has claimed it meanwhile: the fence in the database is past the one that was lost.
    await loseClaim(app, 1)
    await again
    await until(() => signals.length === 2)
    expect(signals.map(({ aborted }) => aborted)).toEqual([true, false])
    ends[0]!('older')
    ends[1]!('newer')
    const done = await app.chancy.waitForJob(ref)
    expect(done).toMatchObject({ state: 'succeeded', result: 'newer', attempts: 1 })
  })

  it('continues the attempt that runs here when it is the same one', async () => {
    const { hold, signals, ends } = stuck()
    await using app = await startApp({ schema, jobs: [hold, other] })
    const ref = await app.chancy.push(hold)
    const started = app.next('job.started')
    await app.start({ durableClaims: false })
    await started
    await loseClaim(app, -1)
    ends[0]!('whole')
    const done = await app.chancy.waitForJob(ref)
    expect(done).toMatchObject({ state: 'succeeded', result: 'whole', attempts: 1 })
    expect(signals.map(({ aborted }) => aborted)).toEqual([false])
  })
})
