// A worker's stand-in: runs jobs in child processes until it is killed, and prints which.

import { StopRequest } from '../../../dist/core/stop-request.js'
import { ProcessExecutor } from '../../../dist/executors/process-executor.js'

const executor = new ProcessExecutor({ jobs: [process.argv[2]], concurrency: 2 })
await executor.start()
const report = {
  log: () => {},
  progress: (job, value) =>
    console.log(JSON.stringify({ name: job.name, value: JSON.parse(value), pids: executor.pids })),
}
const names = process.argv.slice(3)
for (const name of names.length > 0 ? names : ['spin', 'grandchild']) {
  const job = { id: name, name, queue: 'default', args: '{}', attempts: 1, extras: {} }
  void executor.run({ job, limits: {}, report }, new StopRequest())
}
