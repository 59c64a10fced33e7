import { batch, Chancy, Job, job, workflow } from 'chancy'
import { beforeAll, describe, expect, it } from 'vitest'
import { type CommandSurroundings, type Ran, runCommand } from '../../support/command.ts'
import { databaseUrl, prepareSchema, testSchema } from '../../support/database.ts'

const schema = testSchema()
const run = (args: string, surroundings?: CommandSurroundings): Promise<Ran> =>
  runCommand([...args.split(' '), '--schema', schema], {
    ...surroundings,
    env: { DATABASE_URL: databaseUrl(schema) },
  })
const UNKNOWN = '0192f3a4-8b1c-7d2e-9f30-123456789abc'

const task = job({ name: 'task' }, (_: { of?: unknown }) => [1, 2])
const etl = workflow({ name: 'etl', meta: { by: 'ada' } }, (flow) => {
  const read = flow.step('read', task)
  const part = flow.map('part', read.output, task, { args: (item) => ({ of: item }) })
  flow.step('load', task, { after: [read, part] })
})

let ids: string[] = []
beforeAll(async () => {
  await prepareSchema(schema)
  await using chancy = new Chancy(databaseUrl(schema), { schema })
  await chancy.migrate()
  ids = (await chancy.pushMany([etl(), etl().withUniqueKey('one')])).map(({ id }) => id)
})

describe('chancy workflow', () => {
  it('lists workflows by name, state and key', async () => {
    const all = JSON.parse((await run('workflow list --json')).out) as { id: string }[]
    expect(all.map(({ id }) => id)).toEqual([...ids].reverse())
    expect((await run('workflow list --unique-key one --state running')).out).toMatch(
      new RegExp(`${ids[1]}\\s+etl\\s+running\\s+0/3`),
    )
    expect((await run('workflow list --name other')).out).toBe('none\n')
  })

  it('shows one as a graph', async () => {
    const { out, code } = await run(`workflow show ${ids[0]}`, { columns: 80 })
    expect(code).toBe(0)
    expect(out).toContain('{"by":"ada"}')
    expect(out.split('\n\n')[1]).toBe(
      'read     pending\n ↓ part  waiting\n ↓ load  waiting  after read\n',
    )
    expect((await run(`workflow show ${ids[0]} --dot`)).out).toContain('  s0 -> s1;\n')
    expect((await run(`workflow show ${ids[0]} --mermaid`)).out).toMatch(/^flowchart LR\n/)
    const parsed = JSON.parse((await run(`workflow show ${ids[0]} --json`)).out) as object
    expect(parsed).toMatchObject({ name: 'etl', steps: [{ name: 'read' }, {}, {}] })
    expect(await run(`workflow show ${UNKNOWN}`)).toMatchObject({
      code: 1,
      err: expect.stringContaining('No workflow has the id'),
    })
  })

  it('lists and shows batches with their numbers, and draws none', async () => {
    await using chancy = new Chancy(databaseUrl(schema), { schema })
    const jobs = [1, 2, 3].map(() => Job.named('load').withDelay('1h'))
    const { id } = await chancy.pushBatch(batch({ name: 'import' }), jobs)
    expect((await run('workflow list --kind batch')).out).toMatch(
      new RegExp(`${id}\\s+import\\s+running\\s+0/3`),
    )
    expect((await run(`workflow show ${id}`)).out).toMatch(/jobs\s+0\/3\n/)
    expect((await run(`explain ${id}`)).out).toBe(
      `The callbacks of the batch ${id} are not pushed, since\n- 3 of 3 jobs of the batch have not ended\n`,
    )
    expect(await run(`workflow show ${id} --dot`)).toMatchObject({
      code: 2,
      err: expect.stringContaining('is a batch, which has no graph'),
    })
    expect((await run(`workflow cancel ${id}`)).out).toContain('cancelled')
    expect((await run(`workflow show ${id}`)).out).toMatch(/cancelled\s+3\n/)
  })

  it('cancels and retries, and says what it found', async () => {
    expect(await run(`workflow cancel ${ids[1]}`)).toMatchObject({
      code: 0,
      out: expect.stringContaining('cancelled'),
    })
    expect(await run(`workflow cancel ${ids[1]}`)).toMatchObject({ code: 1 })
    const { out, err } = await run(`workflow retry ${ids[1]}`)
    expect({ out, err }).toEqual({ out: '3 steps are open again\n', err: '' })
    expect(await run(`workflow retry ${ids[1]} --step nope`)).toMatchObject({
      code: 2,
      err: expect.stringContaining('has no step "nope"'),
    })
    expect(await run(`workflow cancel ${UNKNOWN}`)).toMatchObject({
      code: 1,
      out: expect.stringContaining('unknown'),
    })
  })

  it('says of the job of a step what it waits for', async () => {
    const parsed = JSON.parse((await run(`workflow show ${ids[0]} --json`)).out) as {
      steps: { job: string }[]
    }
    const { out } = await run(`job show ${parsed.steps[2]!.job}`)
    expect(out).toContain('it waits for steps of its workflow: "part", waiting; "read", pending')
  })
})
