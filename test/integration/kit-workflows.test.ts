import { job, workflow } from 'chancy'
import { testChancy } from 'chancy/testing'
import { expect, it } from 'vitest'
import { databaseUrl } from '../support/database.ts'

const list = job({ name: 'list' }, () => [1, 2])
const double = job({ name: 'double' }, ({ n }: { n: number }) => n * 2)

it('runs a workflow to its end in a test', async () => {
  await using kit = await testChancy({ jobs: [list, double], database: databaseUrl() })
  const made = workflow({ name: 'w' }, (flow) => {
    const first = flow.step('first', list)
    return flow.map('each', first.output, double, { args: (n) => ({ n }) }).output
  })
  const ref = await kit.chancy.push(made())
  await kit.drain()
  expect(await kit.chancy.getWorkflow(ref)).toMatchObject({ state: 'succeeded', output: [2, 4] })
})
