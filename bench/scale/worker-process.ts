/**
 * One worker in a process of its own, as in production: what the bench itself does costs it nothing. It
 * reports how many jobs it has saved, and how long its claims took.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import { Chancy, job, pgDriver, Worker } from '../support/chancy.ts'
import { timedDriver } from '../support/timed-driver.ts'
import { type FromWorker, ORDER, type ToWorker, type WorkerOrder } from './worker-messages.ts'

/** Saved jobs are reported at most this often, in milliseconds. */
const TELL_EVERY_MS = 5
const SLOW_MS = 60

const order = JSON.parse(process.env[ORDER] ?? '') as WorkerOrder
let lone: number[] = []
let all: number[] = []

const pool = new pg.Pool({ connectionString: order.url, max: 10, application_name: 'chancy' })
const driver = timedDriver(pgDriver(pool), ({ name, ms, rows }) => {
  // The first row of the answer is about the pass.
  if (name !== 'claim_jobs' || rows < 2) return
  all.push(ms)
  if (rows === 2) lone.push(ms)
})
const empty = job({ name: 'empty' }, () => (order.isSlow ? sleep(SLOW_MS) : undefined))
const chancy = new Chancy(driver, { schema: order.schema, jobs: empty })
const worker = new Worker(chancy, { durableClaims: order.durableClaims, signals: false })

let saved = 0
let atMs = 0
let isTelling = false
chancy.on('outcomes.saved', (batch) => {
  saved += batch.saved
  atMs = performance.timeOrigin + performance.now()
  if (isTelling) return
  isTelling = true
  setTimeout(() => {
    isTelling = false
    send({ kind: 'saved', saved, atMs })
  }, TELL_EVERY_MS)
})
const polled = new Set<string>()
const unlisten = chancy.on('queue.polled', ({ queue }) => {
  polled.add(queue)
  if (polled.size === order.queues) setImmediate(beReady)
})

process.on('message', (message: ToWorker) => {
  if (message === 'stop') return void stop()
  send({ kind: 'claims', lone, all })
  lone = []
  all = []
})
// The bench has ended.
process.on('disconnect', () => process.exit(1))
await worker.start()

function beReady(): void {
  unlisten()
  send({ kind: 'ready' })
}

async function stop(): Promise<void> {
  await worker.stop()
  await chancy.close()
  await pool.end()
  const peakMib = process.resourceUsage().maxRSS / 1_024
  send({ kind: 'stopped', peakMib }, () => process.exit(0))
}

function send(message: FromWorker, onSent: () => void = () => {}): void {
  process.send?.(message, undefined, undefined, onSent)
}
