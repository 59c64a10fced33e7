import { Option } from 'commander'
import { type Chancy, ConfigError, type Duration, isChancyError, Worker } from '../../../index.ts'
import { type Call, command } from '../../program/command.ts'
import { Failure } from '../../program/ending.ts'
import { listValue, wholeNumber } from '../../program/values.ts'
import { HealthRoutes } from './health-routes.ts'
import { type HealthAddress, HealthServer, healthAddress } from './health-server.ts'

interface Given {
  readonly queues?: readonly string[]
  readonly tags?: readonly string[]
  readonly label?: string
  readonly concurrency?: number
  readonly shutdownTimeout?: Duration
  readonly drain?: boolean
  readonly healthPort?: HealthAddress
}

export const workerStart = command<Given>({
  name: 'worker start',
  summary: "run the application's jobs until SIGTERM or Ctrl+C",
  details:
    'The first signal lets running jobs finish, at most for the shutdown timeout, and then the command exits with 0; the second ends it immediately with 130 or 143. What happens is logged by the logger of the application.',
  options: [
    new Option('--queues <names>', 'only these queues, with commas').argParser(listValue),
    new Option('--tags <tags>', 'tags that queues choose workers by, with commas').argParser(
      listValue,
    ),
    new Option('--label <text>', 'what "worker list" calls it'),
    new Option(
      '--concurrency <number>',
      'at most this many concurrent jobs of each queue',
    ).argParser(wholeNumber(1, 10_000)),
    new Option(
      '--shutdown-timeout <time>',
      'how long running jobs may continue after the signal; default: 25s',
    ),
    new Option('--drain', 'end when nothing is due: what waits for a later time is left'),
    new Option(
      '--health-port <port>',
      'serve /live, /ready and /metrics over HTTP on all interfaces, or on one: 127.0.0.1:9000',
    ).argParser(healthAddress),
  ],
  examples: [
    {
      text: 'Run the jobs of two queues',
      command: 'chancy --app ./app.ts worker start --queues mail,reports',
    },
    {
      text: 'Run what is due, and end',
      command: 'chancy --app ./app.ts worker start --drain',
    },
    {
      text: 'Answer the probes of Kubernetes',
      command: 'chancy --app ./app.ts worker start --health-port 9000',
    },
  ],
  interruptible: true,
  isPatient: true,
  async run(call, { drain = false, healthPort, ...options }) {
    if (call.app === null)
      throw new ConfigError(
        'worker start: a worker needs the jobs of an application. Add --app ./app.ts.',
      )
    const chancy = call.chancy()
    const worker = new Worker(chancy, { ...options, signals: false })
    const server = healthPort === undefined ? null : await serve(chancy, worker, healthPort)
    try {
      await run(call, worker, drain)
    } finally {
      await server?.close()
    }
    return undefined
  },
})

/** Resolves when the worker has stopped: after a signal or, with `drain`, when nothing is due. */
async function run(call: Call, worker: Worker, drain: boolean): Promise<void> {
  const stop = (): void => void worker.stop()
  call.signal.addEventListener('abort', stop, { once: true })
  if (call.signal.aborted) stop()
  try {
    await worker.start()
  } catch (error) {
    if (call.signal.aborted) return
    throw new Failure(error)
  }
  // A stop ends this wait.
  const isDrained = drain && (await worker.idle().then(() => true, isStopped))
  if (isDrained) stop()
  await worker.stopped
  // Something may be due still.
  if (drain && !isDrained) throw call.signal.reason
}

function isStopped(error: unknown): false {
  if (isChancyError(error) && error.code === 'CLOSED') return false
  throw error
}

/** From before the start until after the end, so that a probe says what the worker waits for. */
async function serve(
  chancy: Chancy,
  worker: Worker,
  address: HealthAddress,
): Promise<HealthServer> {
  try {
    const server = await HealthServer.listen(address, new HealthRoutes(chancy, worker))
    const { port } = server
    chancy.internals.log.info({ host: address.host ?? '*', port }, 'health endpoints served')
    return server
  } catch (error) {
    throw new Failure(error)
  }
}
