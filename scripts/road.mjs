// The road of a job: which files and functions of src run between the push of a lone warm job and the
// moment when its wait resolves, in the process that pushes, waits and works.
//
//   node scripts/build.mjs --modules && node scripts/road.mjs [--executor inline|process|thread] [--functions]
//   node scripts/road.mjs --most 35        fails when there are more files
//
// V8 counts the calls of each function. What runs beside a job by chance (a renewal, a sweep) is in few of
// the fastest samples, and only what most of those have is counted. DATABASE_URL names a server; without one
// the embedded server is started.
import { Session } from 'node:inspector/promises'
import { parseArgs } from 'node:util'
import { root } from './source-tree.mjs'

const { values } = parseArgs({
  options: {
    executor: { type: 'string', default: 'inline' },
    functions: { type: 'boolean', default: false },
    most: { type: 'string' },
  },
})
const WARM = 50
const SAMPLES = 41
const FASTEST = 11

const { Chancy, Queue, Worker } = await import('../dist/index.js')
const { embeddedPostgres } = await import('../dist/database/drivers/embedded-postgres.js')

const schema = `road_${process.pid}`
const { hello } = await import('./road-job.mjs')
const chancy = new Chancy(process.env.DATABASE_URL ?? embeddedPostgres(), {
  schema,
  jobs: new URL('./road-job.mjs', import.meta.url),
})
const session = new Session()
session.connect()
const samples = []
try {
  await chancy.migrate()
  await chancy.declare(new Queue('road', { executor: values.executor }))
  const worker = new Worker(chancy)
  await worker.start()
  for (let n = 0; n < WARM; n++) await chancy.waitForJob(await chancy.push(hello.job))
  await session.post('Profiler.enable')
  await session.post('Profiler.startPreciseCoverage', { callCount: true, detailed: false })
  for (let n = 0; n < SAMPLES; n++) {
    await session.post('Profiler.takePreciseCoverage')
    const startedAt = performance.now()
    await chancy.waitForJob(await chancy.push(hello.job))
    const { result } = await session.post('Profiler.takePreciseCoverage')
    samples.push({ ms: performance.now() - startedAt, result })
  }
  await worker.stop()
} finally {
  await chancy.migrate({ to: 0 })
  await chancy.close()
  session.disconnect()
}

const seen = new Map()
samples.sort((a, b) => a.ms - b.ms)
for (const { result } of samples.slice(0, FASTEST)) count(result)
const files = new Map()
for (const [key, times] of seen) {
  if (times <= FASTEST / 2) continue
  const [file, name] = key.split('\n')
  files.set(file, [...(files.get(file) ?? []), name])
}
for (const file of [...files.keys()].sort()) {
  const names = files.get(file)
  console.log(
    `${String(names.length).padStart(4)}  ${file}${values.functions ? `  ${names.join(' ')}` : ''}`,
  )
}
const functions = [...files.values()].reduce((sum, names) => sum + names.length, 0)
console.log(`${files.size} files and ${functions} functions (${values.executor})`)
if (values.most !== undefined && files.size > Number(values.most)) {
  console.error(`The road has ${files.size} files, and at most ${values.most} are allowed.`)
  process.exitCode = 1
}

function count(scripts) {
  const dist = `file://${root}dist/`
  for (const { url, functions } of scripts) {
    if (!url.startsWith(dist)) continue
    for (const { functionName, ranges } of functions) {
      if (functionName === '' && ranges[0].startOffset === 0) continue
      if (ranges[0].count === 0) continue
      const name = functionName === '' ? `(${ranges[0].startOffset})` : functionName
      const key = `src/${url.slice(dist.length).replace(/\.js$/, '.ts')}\n${name}`
      seen.set(key, (seen.get(key) ?? 0) + 1)
    }
  }
}
