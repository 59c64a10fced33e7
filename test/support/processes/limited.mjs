// Runs jobs with a memory limit in child processes, and prints how they ended and what was logged.
import { StopRequest } from '../../../dist/core/stop-request.js'
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
  const job = { id: name, name, queue: 'default', args: '{}', attempts: 1, extras: {} }
  const report = { log: () => {}, progress: () => {} }
  const limits = { memoryBytes: 128 * 1_024 ** 2 }
  const { kind } = await executor.run({ job, limits, report }, new StopRequest())
  say({ name, kind })
}
await executor.stop({ graceMs: 0 })
