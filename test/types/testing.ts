// What must compile of the test kit, and what must not. Checked by `tsc -p .`; nothing is run.

import { defineJob, Job, job } from 'chancy'
import { type Drained, type TestChancy, testChancy } from 'chancy/testing'
import globalSetup, { globalTeardown } from 'chancy/testing/server'

declare function same<X, Y>(
  ..._same: (<T>() => T extends X ? 1 : 2) extends <T>() => T extends Y ? 1 : 2 ? [] : ['differ']
): void
declare const t: TestChancy

const mail = job({ name: 'mail' }, ({ to }: { to: string; tags?: string[] }) => to.length)
const defined = defineJob<{ id: number }, { done: boolean }>({ name: 'defined' })

export async function calls(): Promise<void> {
  const made = await testChancy({
    jobs: [mail],
    now: new Date(),
    executor: 'inline',
    patience: '1s',
  })
  same<typeof made, TestChancy>()

  const last = await t.last(mail)
  same<typeof last.args, { to: string; tags?: string[] }>()
  if (last.state === 'succeeded') same<typeof last.result, number>()
  const [first] = await t.pushed(defined)
  same<NonNullable<typeof first>['args'], { id: number }>()
  const [any] = await t.pushed()
  same<NonNullable<typeof any>['args'], unknown>()
  const [done] = await t.jobs({ state: ['succeeded', 'failed'] })
  same<NonNullable<typeof done>['state'], 'succeeded' | 'failed'>()

  await t.assertPushed(mail, { args: { to: 'ada' }, queue: 'default', times: 2 })
  await t.assertPushed(mail, { args: { to: new Date() } })
  await t.assertPushed('by-name', { args: { anything: 1 } as unknown })
  await t.assertPushed(Job.named<typeof mail>('mail', { args: { to: 'a' } }), {
    args: { to: 'ada' },
  })
  await t.assertNotPushed(defined, { args: { id: 1 } })

  const length = await t.runJob(mail, { to: 'ada' }, { attempt: 2, job: { meta: { a: 1 } } })
  same<typeof length, number>()
  t.failNext(mail, new Error('down'), { times: 2 })
  t.crashNext(defined)
  same<Awaited<ReturnType<typeof t.drain>>, Drained>()
  await t.advance('1m')
  await t.advanceTo(new Date())

  const end = await globalSetup()
  await end()
  await globalTeardown()

  // @ts-expect-error the jobs are missing
  await testChancy({})
  // @ts-expect-error no such executor
  await testChancy({ jobs: [mail], executor: 'cloud' })
  // @ts-expect-error an argument of another type
  await t.assertPushed(mail, { args: { to: 7 } })
  // @ts-expect-error an argument that the function does not have
  await t.assertPushed(mail, { args: { from: 'ada' } })
  // @ts-expect-error no such field
  await t.assertPushed(mail, { color: 'red' })
  // @ts-expect-error no such state
  await t.jobs({ state: 'done' })
  // @ts-expect-error what defineJob() made cannot be called
  await t.runJob(defined, { id: 1 })
  // @ts-expect-error an argument of another type
  await t.runJob(mail, { to: 7 })
  // @ts-expect-error no duration
  await t.advance('soon')
}
