import { type Consumer, LocalConsumer, RemoteConsumer } from './consumer.ts'
import { measureLatency } from './latency.ts'
import type { Payload, Peer, Stores } from './peer.ts'
import { settle } from './postgres.ts'
import type { What } from './rows.ts'

/** Jobs of the memory row, at most. */
const MOST_OF_MEMORY = 100_000

/** One measurement of one system, done in a process of its own. */
export interface Spec {
  readonly system: string
  readonly stores: Stores
  readonly what: What
  /** How many jobs are drained or pushed together. */
  readonly jobs: number
  /** How long single pushes are repeated. */
  readonly seconds: number
  /** How many pushes a latency is taken of. */
  readonly samples: number
  /** Jobs per second beside them; without it, half of what the system sustains. */
  readonly load?: number
  readonly limitSeconds: number
}

export type Stats = Readonly<Record<string, number>>

export async function measure(spec: Spec, peer: Peer): Promise<Stats> {
  const { what } = spec
  await peer.reset({ prompt: what.what === 'latency' })
  switch (what.what) {
    case 'push':
      return measurePush(peer, what.callers, spec)
    case 'bulk':
      return measureBulk(peer, spec)
    case 'drain':
      return measureDrain(peer, what, spec)
    case 'memory':
      return measureMemory(peer, spec)
    case 'latency':
      return measureLatency(
        peer,
        what.apart
          ? new RemoteConsumer({ ...spec, role: 'worker' })
          : new LocalConsumer(peer, { kind: 'inline', grouped: false }),
        what.load,
        spec,
      )
  }
}

async function measurePush(peer: Peer, callers: number, { seconds, stores }: Spec) {
  await callFor(peer, callers, Math.min(0.5, seconds / 2))
  const before = (await peer.count()).unfinished
  if (stores.postgres !== undefined) await settle(stores.postgres)
  const { pushed, ms } = await callFor(peer, callers, seconds)
  const stored = (await peer.count()).unfinished - before
  if (stored !== pushed) throw new Error(`${stored} jobs stored of ${pushed} pushed`)
  return { rate: (pushed / ms) * 1_000 }
}

/** That many callers, each with one push under way at a time. */
async function callFor(peer: Peer, callers: number, seconds: number) {
  let pushed = 0
  const startedAt = performance.now()
  const until = startedAt + seconds * 1_000
  await Promise.all(
    Array.from({ length: callers }, async () => {
      while (performance.now() < until) {
        await peer.push({})
        pushed++
      }
    }),
  )
  return { pushed, ms: performance.now() - startedAt }
}

async function measureBulk(peer: Peer, { jobs, stores }: Spec) {
  const warm = payloads(1_000)
  await peer.pushMany(warm)
  if (stores.postgres !== undefined) await settle(stores.postgres)
  const many = payloads(jobs)
  const startedAt = performance.now()
  await peer.pushMany(many)
  const ms = performance.now() - startedAt
  const { unfinished } = await peer.count()
  if (unfinished !== jobs + warm.length) throw new Error(`${unfinished} jobs stored of ${jobs}`)
  return { rate: (jobs / ms) * 1_000 }
}

async function measureDrain(peer: Peer, what: What & { what: 'drain' }, spec: Spec) {
  const { jobs, stores } = spec
  await peer.pushMany(payloads(jobs, what.groups))
  if (stores.postgres !== undefined) await settle(stores.postgres)
  const grouped = what.groups !== undefined
  const consumer = new LocalConsumer(peer, { kind: what.kind, grouped })
  const startedAt = performance.now()
  await consumer.start()
  await withinLimit(consumer.stored(jobs), peer, spec)
  const ms = performance.now() - startedAt
  await consumer.stop()
  await verify(peer, jobs)
  const { ran } = await consumer.report()
  if (what.kind === 'inline' && ran !== jobs) throw new Error(`${ran} jobs ran of ${jobs}`)
  return { rate: (jobs / ms) * 1_000 }
}

/**
 * The worker has a process of its own, so that nothing of the pushing is in its memory. However many
 * jobs the drains have, this row is about no more than its aim names.
 */
async function measureMemory(peer: Peer, given: Spec) {
  const spec = { ...given, jobs: Math.min(given.jobs, MOST_OF_MEMORY) }
  const { jobs, stores } = spec
  await peer.pushMany(payloads(jobs))
  if (stores.postgres !== undefined) await settle(stores.postgres)
  const consumer: Consumer = new RemoteConsumer({ ...spec, role: 'worker' })
  await consumer.start()
  await withinLimit(consumer.stored(jobs), peer, spec)
  const { rss } = await consumer.report()
  await consumer.stop()
  await verify(peer, jobs)
  const third = Math.floor(rss.length / 3)
  const growth = mean(rss.slice(-third)) - mean(rss.slice(0, third))
  return { rss: (rss.at(-1) ?? 0) / 2 ** 20, growth: growth / 2 ** 20 }
}

export async function verify(peer: Peer, jobs: number): Promise<void> {
  const { unfinished, finished } = await peer.count()
  if (unfinished !== 0) throw new Error(`${unfinished} jobs of ${jobs} are not finished`)
  if (finished !== null && finished !== jobs) {
    throw new Error(`${finished} jobs finished of ${jobs}`)
  }
}

async function withinLimit(work: Promise<void>, peer: Peer, spec: Spec): Promise<void> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<'late'>((resolve) => {
    timer = setTimeout(() => resolve('late'), spec.limitSeconds * 1_000)
  })
  if ((await Promise.race([work, late])) === 'late') {
    const ended = spec.jobs - (await peer.count()).unfinished
    throw new Error(`only ${ended} of ${spec.jobs} jobs in ${spec.limitSeconds} s`)
  }
  clearTimeout(timer)
}

function payloads(jobs: number, groups?: number): Payload[] {
  return Array.from({ length: jobs }, (_, n) => (groups === undefined ? {} : { group: n % groups }))
}

function mean(numbers: readonly number[]): number {
  return numbers.reduce((sum, number) => sum + number, 0) / Math.max(1, numbers.length)
}
