// A worker's stand-in that has no file descriptor left when another child is to be started, and later
// has some again. Prints how the attempts ended.
import { closeSync, openSync } from 'node:fs'
import { StopRequest } from '../../../dist/core/stop-request.js'
import { ProcessExecutor } from '../../../dist/executors/process-executor.js'
import { ThreadExecutor } from '../../../dist/executors/thread-executor.js'

const [kind, module] = process.argv.slice(2)
const Executor = kind === 'process' ? ProcessExecutor : ThreadExecutor
const executor = new Executor({ jobs: [module], concurrency: 1 })
const report = { log: () => {}, progress: () => {} }
const limits = { memoryBytes: 256 * 1_024 ** 2 }
const run = (id) => {
  const job = { id, name: 'ok', queue: 'default', args: '{"value":7}', attempts: 1, extras: {} }
  return executor.run({ job, limits, report }, new StopRequest())
}

await executor.start()
const held = []
try {
  for (;;) held.push(openSync('/dev/null'))
} catch (error) {
  console.log(JSON.stringify({ code: error.code }))
}
const without = await run('without')
for (const fd of held) closeSync(fd)
console.log(JSON.stringify({ without }))
console.log(JSON.stringify({ with: await run('with') }))
await executor.stop({ graceMs: 0 })
console.log(JSON.stringify({ stopped: true }))
