/** A child thread of the thread executor. */

import { getHeapStatistics } from 'node:v8'
import { type MessagePort, workerData } from 'node:worker_threads'
import { serializeError } from '../../core/serialize-error.ts'
import { decodeMessage, encodeMessage, frameTokens } from '../frame.ts'
import { type ChildHello, type ChildOrders, DAMAGE_LINE } from '../protocol.ts'
import { markAsChild } from './child-mark.ts'
import { JobRunner } from './job-runner.ts'
import { loadOrdered } from './load-ordered.ts'
import { ThreadMeter } from './meter.ts'
import { captureOutput } from './output.ts'

export interface ThreadData {
  readonly orders: ChildOrders
  readonly cells: Int32Array
  readonly key: Uint8Array
  /** Its own and not `parentPort`, on which jobs may say what they like. */
  readonly port: MessagePort
}

const { orders, cells, key, port } = workerData as ThreadData
// A job that imports it finds nothing.
for (const name of Object.keys(workerData)) delete workerData[name]

const tokens = frameTokens(key, 'outbox')
const send = (lines: string): void => port.postMessage(encodeMessage(tokens, lines))

async function main(): Promise<void> {
  markAsChild()
  const { width } = orders
  const definitions = await loadOrdered(orders, send)
  const meter = new ThreadMeter()
  const runner = new JobRunner({ definitions, cells, width, meter, send })
  process.on('uncaughtException', (error) => runner.fault(error, 'an exception nobody caught'))
  process.on('unhandledRejection', (error) => runner.fault(error, 'a rejection nobody handled'))
  process.on('exit', () => runner.ending())
  captureOutput(runner)
  const fromParent = frameTokens(key, 'inbox')
  port.on('message', (message: string) => {
    const text = decodeMessage(fromParent, message)
    if (text === null) send(DAMAGE_LINE)
    else runner.receive(text)
  })
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
