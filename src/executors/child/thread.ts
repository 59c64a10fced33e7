/** A child thread of the thread executor. */

import { getHeapStatistics } from 'node:v8'
import { type MessagePort, workerData } from 'node:worker_threads'
import { systemClock } from '../../core/clock.ts'
import { serializeError } from '../../core/serialize-error.ts'
import { markAsChild } from '../child-mark.ts'
import { decodeMessage, encodeMessage, frameTokens } from '../frame.ts'
import { type ChildConfig, type ChildReady, DAMAGE_LINE } from '../protocol.ts'
import { JobRunner } from './job-runner.ts'
import { loadConfigured } from './load-configured.ts'
import { ThreadMeter } from './meter.ts'
import { captureOutput } from './output.ts'

export interface ThreadData {
  readonly config: ChildConfig
  readonly cells: Int32Array
  readonly key: Uint8Array
  /** Its own and not `parentPort`, on which jobs may send anything. */
  readonly port: MessagePort
}

const { config, cells, key, port } = workerData as ThreadData
// A job that imports `workerData` finds nothing in it.
for (const name of Object.keys(workerData)) delete workerData[name]

const tokens = frameTokens(key, 'outbox')
const send = (lines: string): void => port.postMessage(encodeMessage(tokens, lines))

async function main(): Promise<void> {
  markAsChild()
  const { width } = config
  const { definitions, around } = await loadConfigured(config, send)
  const meter = new ThreadMeter()
  const runner = new JobRunner({
    definitions,
    around,
    cells,
    width,
    meter,
    send,
    onRetire: () => {
      void (around?.flush() ?? Promise.resolve()).then(() => process.exit())
    },
  })
  process.on('uncaughtException', (error) => runner.fault(error, 'an uncaught exception'))
  process.on('unhandledRejection', (error) => runner.fault(error, 'an unhandled rejection'))
  process.on('exit', () => runner.ending())
  captureOutput(runner)
  const fromParent = frameTokens(key, 'inbox')
  port.on('message', (message: string) => {
    const text = decodeMessage(fromParent, message)
    if (text === null) send(DAMAGE_LINE)
    else runner.receive(text)
  })
  const ready: ChildReady = {
    heapLimitBytes: getHeapStatistics().heap_size_limit,
    cpuMs: meter.read().cpuMs,
    bytes: meter.bytes(systemClock.monotonic()),
  }
  send(`R\t${JSON.stringify(ready)}\n`)
}

main().catch((error) => {
  send(`F\t${JSON.stringify(serializeError(error))}\n`)
  process.exitCode = 1
})
