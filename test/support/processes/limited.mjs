// Runs jobs with a memory limit in child processes, and says how they ended and what was logged.
import { Stop } from '../../../dist/core/stop.js'
import { ProcessExecutor } from '../../../dist/executors/process-executor.js'

const say = (value) => console.log(JSON.stringify(value))
const level = (name) => (fields, message) => say({ level: name, fields, message })
const log = {
  debug: level('debug'),
  info: level('info'),
  warn: level('warn'),
  error: level('error'),
}
const executor = new ProcessExecutor({ jobs: [process.argv[2]], concurrency: 1, log })
await executor.start()
for (const name of process.argv.slice(3)) {
  const job = { id: name, name, queue: 'default', args: '{}', attempts: 1, rare: {} }
  const report = { log: () => {}, progress: () => {} }
  const limits = { memoryBytes: 128 * 1_024 ** 2 }
  const { kind } = await executor.run({ job, limits, report }, new Stop())
  say({ name, kind })
}
await executor.stop({ graceMs: 0 })
