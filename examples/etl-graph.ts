/**
 * Extracts two sources, transforms each of their files in a job of its own, and loads what came of it, once all of it is
 * there. The first try of one file fails and is made again. The report runs whatever became of the load.
 */
import { Chancy, job, Worker, workflow } from 'chancy'
import { embeddedPostgres } from 'chancy/embedded-postgres'

const FILES: Readonly<Record<string, readonly string[]>> = {
  shop: ['a.csv', 'b.csv', 'c.csv'],
  returns: ['d.csv'],
  empty: [],
}

const extract = job({ name: 'extract' }, ({ source }: { source: string }) => ({
  files: FILES[source] ?? [],
  isLarge: (FILES[source] ?? []).length > 2,
}))
const transform = job(
  { name: 'transform', maxAttempts: 2, backoff: 'none' },
  ({ file }: { file: string }, context) => {
    if (file === 'b.csv' && context.attempt === 1) throw new Error('the file is being written')
    return { file, rows: file.charCodeAt(0) }
  },
)
const compact = job({ name: 'compact' }, (_: { of: readonly string[] }) => 'compacted')
const load = job({ name: 'load' }, ({ parts }: { parts: readonly { rows: number }[][] }) =>
  parts.flat().reduce((sum, { rows }) => sum + rows, 0),
)
const report = job({ name: 'report' }, ({ loaded }: { loaded: number | null }) =>
  loaded === null ? 'nothing was loaded' : `${loaded} rows were loaded`,
)

const etl = workflow({ name: 'etl' }, (flow, { sources }: { sources: readonly string[] }) => {
  const parts = sources.map((source) => {
    const found = flow.step(`extract ${source}`, extract, { args: { source } })
    flow.step(`compact ${source}`, compact, {
      args: { of: found.output.files },
      runIf: found.output.isLarge,
    })
    return flow.map(`transform ${source}`, found.output.files, transform, {
      args: (file) => ({ file }),
      concurrency: 2,
    })
  })
  const loaded = flow.step('load', load, { args: { parts: parts.map(({ output }) => output) } })
  return flow.step('report', report, {
    args: { loaded: loaded.outputOrNull },
    runWhen: 'all-ended',
  }).output
})

await using chancy = new Chancy(process.env.DATABASE_URL ?? embeddedPostgres(), {
  jobs: [extract, transform, compact, load, report],
})
await chancy.migrate()
await using worker = new Worker(chancy)
await worker.start()

const reference = await chancy.push(etl({ sources: ['shop', 'returns', 'empty'] }))
const done = await chancy.waitForWorkflow(reference)
console.log(done.state, done.output)
for (const { name, state, after } of done.steps) {
  console.log(`${name}: ${state}${after.length === 0 ? '' : `, after ${after.join(', ')}`}`)
}

// Once more from the step that loads, as after a change of its code.
console.log('open again:', await chancy.retryWorkflow(reference, { steps: ['load'] }))
console.log((await chancy.waitForWorkflow(reference)).state)
