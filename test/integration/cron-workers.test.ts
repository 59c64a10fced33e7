import { job } from 'chancy'
import { cron, getSchedule, getTicks, schedule, tickOf } from 'chancy/plugins/cron'
import { describe, expect, it } from 'vitest'
import { startApp } from '../support/app.ts'
import { testSchema } from '../support/database.ts'

const schema = testSchema()
const tick = job({ name: 'tick' }, (_, context) => tickOf(context))

describe('a worker', () => {
  it('fires each second of a schedule that was declared while it slept, and its jobs know it', async () => {
    await using app = await startApp({ schema, jobs: tick, plugins: [cron()] })
    const asleep = app.next('plugin.passed', ({ loop }) => loop === 'fire')
    await app.start()
    await asleep
    const fired = app.next('cron.fired')
    // All of them, also where the worker comes late to the first.
    const all = { catchUp: { all: 100 } } as const
    const made = await schedule(app.chancy, {
      ...{ key: 'each', cron: '* * * * * *', job: tick, ...all },
    })
    expect(made).toMatchObject({ key: 'each', state: 'active', timeZone: 'UTC', lastAt: null })
    const { key, at, job: id } = await fired
    expect([key, at]).toEqual(['each', made.nextAt])
    const ran = await app.chancy.waitForJob(id)
    expect(ran).toMatchObject({
      state: 'succeeded',
      result: at.toISOString(),
      meta: { cron: { key: 'each', tick: at.toISOString() } },
      uniqueKey: 'cron:each',
    })
    expect((await getTicks(app.chancy, 'each')).at(-1)).toMatchObject({
      at,
      what: 'fired',
      job: id,
    })
    const { nextAt, lastAt } = (await getSchedule(app.chancy, 'each'))!
    expect(lastAt!.getTime()).toBeGreaterThanOrEqual(at.getTime())
    expect(nextAt!.getTime()).toBeGreaterThan(lastAt!.getTime())
  })
})
