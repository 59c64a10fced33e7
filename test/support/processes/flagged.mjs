// Runs one job in a child of an executor and prints what it returned.
import { StopRequest } from '../../../dist/core/stop-request.js'
import { ProcessExecutor } from '../../../dist/executors/process-executor.js'
import { ThreadExecutor } from '../../../dist/executors/thread-executor.js'

const [kind, module, name, env] = process.argv.slice(2)
const Executor = kind === 'process' ? ProcessExecutor : ThreadExecutor
const say = (value) => console.log(JSON.stringify(value))
const method = (fields, message) => say({ fields, message })
const log = { debug: method, info: method, warn: method, error: method }
const executor = new Executor({
  jobs: [module],
  concurrency: 1,
  log,
  ...(env === undefined ? {} : { env: JSON.parse(env) }),
})
await executor.start()
const job = { id: name, name, queue: 'default', args: '{}', attempts: 1, extras: {} }
const report = { log: () => {}, progress: () => {} }
say(await executor.run({ job, limits: {}, report }, new StopRequest()))
await executor.stop({ graceMs: 0 })
