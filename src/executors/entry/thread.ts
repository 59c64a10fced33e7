/** A child thread of the thread executor. */

import { getHeapStatistics } from 'node:v8'
import { parentPort, workerData } from 'node:worker_threads'
import { serializeError } from '../../core/serialize-error.ts'
import type { ChildHello, ChildOrders } from '../protocol.ts'
import { markAsChild } from './child-mark.ts'
import { JobRunner } from './job-runner.ts'
import { loadOrdered } from './load-ordered.ts'
import { ThreadMeter } from './meter.ts'
import { captureOutput } from './output.ts'

const port = parentPort!
const send = (lines: string): void => port.postMessage(lines)

async function main(): Promise<void> {
  markAsChild()
  const { cells, ...orders } = workerData as ChildOrders & { readonly cells: Int32Array }
  const { width } = orders
  const definitions = await loadOrdered(orders, send)
  const meter = new ThreadMeter()
  const runner = new JobRunner({ definitions, cells, width, meter, send })
  process.on('uncaughtException', (error) => runner.fault(error, 'an exception nobody caught'))
  process.on('unhandledRejection', (error) => runner.fault(error, 'a rejection nobody handled'))
  process.on('exit', () => runner.ending())
  captureOutput(runner)
  port.on('message', (text: string) => runner.receive(text))
  const hello: ChildHello = {
    heapLimitBytes: getHeapStatistics().heap_size_limit,
    cpuMs: meter.read().cpuMs,
    bytes: meter.bytes(performance.now()),
  }
  send(`R\t${JSON.stringify(hello)}\n`)
}

main().catch((error) => {
  send(`F\t${JSON.stringify(serializeError(error))}\n`)
  process.exitCode = 1
})
