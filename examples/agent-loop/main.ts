import { mkdtempSync, readFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { Chancy, Worker } from 'chancy'
import { agent } from './jobs.ts'

const log = path.join(mkdtempSync(path.join(tmpdir(), 'agent-')), 'calls.txt')
await using chancy = new Chancy(process.env.DATABASE_URL ?? '', {
  jobs: new URL('./jobs.ts', import.meta.url),
  logger: { debug() {}, info() {}, warn() {}, error() {} },
})
await chancy.migrate()
await using worker = new Worker(chancy)
await worker.start()

const ref = await chancy.push(agent.job.withArgs({ question: 'why?', budget: 5_000, log }))
const done = await chancy.waitForJob(ref)
console.log(done.state, done.result)
const calls = readFileSync(log, 'utf8').trim().split('\n').length
console.log(`${calls} calls of the model`)
const poor = await chancy.push(agent.job.withArgs({ question: 'why?', budget: 1_000, log }))
console.log((await chancy.waitForJob(poor)).result)
