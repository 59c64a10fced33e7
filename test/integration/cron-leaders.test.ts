import { Job } from 'chancy'
import { cron, getTicks, schedule } from 'chancy/plugins/cron'
import { describe, expect, it } from 'vitest'
import { sql, startApp } from '../support/app.ts'
import { databaseUrl, testSchema } from '../support/database.ts'
import { startProcess, type TestProcess } from '../support/process.ts'

const schema = testSchema()
const script = new URL('../support/processes/cron-worker.mjs', import.meta.url)
const start = (): TestProcess => startProcess(script, { args: [databaseUrl(), schema] })
const fires = (one: TestProcess, after = '') =>
  one.next<{ fired?: string }>(({ fired }) => fired !== undefined && fired > after)
const leads = (one: TestProcess, whether = true) =>
  one.next<{ leads?: boolean }>((said) => said.leads === whether)

describe('a schedule of each second', () => {
  it('is fired while the leader hangs, is killed or stops, and no tick twice', {
    timeout: 60_000,
  }, async () => {
    await using app = await startApp({ schema, plugins: [cron()] })
    await using first = start()
    await leads(first)
    await using second = start()
    await second.next<{ started?: string }>(({ started }) => started !== undefined)
    await schedule(app.chancy, { key: 'a', every: '1s', job: Job.named('beat'), overlap: 'allow' })
    const { fired } = await fires(first)

    // It hangs: another worker fires, before it leads and after that.
    first.kill('SIGSTOP')
    await fires(second, fired)
    await leads(second)
    const { fired: hung } = await fires(second)
    first.kill('SIGCONT')
    await leads(first, false)

    second.kill('SIGKILL')
    await leads(first)
    await fires(first, hung)

    await using third = start()
    await third.next<{ started?: string }>(({ started }) => started !== undefined)
    first.send('stop')
    await leads(third)
    await fires(third)
    third.send('stop')
    expect(await Promise.all([first.exited, third.exited])).toMatchObject([
      { code: 0 },
      { code: 0 },
    ])

    const jobs = await sql<{ tick: string }>(
      schema,
      "SELECT meta->'cron'->>'tick' AS tick FROM $schema.all_jobs ORDER BY 1",
    )
    const ticks = jobs.map(({ tick }) => tick)
    expect(new Set(ticks).size).toBe(ticks.length)
    const recorded = (await getTicks(app.chancy, 'a', { limit: 1_000 })).toReversed()
    const pushed = recorded.filter(({ what }) => what === 'fired').map(({ at }) => at.toISOString())
    expect(pushed).toEqual(ticks)
    // Each second is fired or counted as missed.
    const seconds = recorded.reduce((sum, { count }) => sum + count, 0)
    const [oldest, newest] = [recorded[0]!, recorded.at(-1)!]
    expect(seconds).toBe((newest.at.getTime() - (oldest.from ?? oldest.at).getTime()) / 1_000 + 1)
  })
})
