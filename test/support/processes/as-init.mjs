// Runs jobs whose processes outlive them, and prints how they ended, what was logged, and what is left.
import { readdirSync, readFileSync } from 'node:fs'
import { StopRequest } from '../../../dist/core/stop-request.js'
import { ProcessExecutor } from '../../../dist/executors/process-executor.js'

const say = (value) => console.log(JSON.stringify(value))
const method = (_fields, message) => say({ message })
const log = { debug: method, info: method, warn: method, error: method }
const executor = new ProcessExecutor({
  jobs: [process.argv[2]],
  concurrency: 1,
  killAfterMs: 200,
  log,
})
await executor.start()
const children = new Set(executor.pids)
for (const [name, timeMs] of [
  ['detaches', 400],
  ['spins', 300],
  ['ok'],
  ['detaches', 400],
  ['ok'],
]) {
  const job = { id: name, name, queue: 'default', args: '{}', attempts: 1, extras: {} }
  const report = { log: () => {}, progress: () => {} }
  const limits = timeMs === undefined ? {} : { timeMs }
  const at = performance.now()
  const { kind } = await executor.run({ job, limits, report }, new StopRequest())
  for (const pid of executor.pids) children.add(pid)
  say({ name, kind, ms: performance.now() - at })
}
await executor.stop({ graceMs: 0 })
// In a turn of the loop after their end its own children are reaped.
await new Promise((resolve) => setTimeout(resolve, 100))
const zombies = []
const living = []
for (const entry of readdirSync('/proc')) {
  const pid = Number(entry)
  if (!(pid > 1)) continue
  const text = readFileSync(`/proc/${pid}/stat`, 'latin1')
  if (text.slice(text.lastIndexOf(')') + 2)[0] === 'Z') zombies.push(pid)
  else living.push(pid)
}
say({ pid: process.pid, ownZombies: zombies.filter((pid) => children.has(pid)), living })
