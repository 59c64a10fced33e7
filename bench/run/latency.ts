import { setTimeout as sleep } from 'node:timers/promises'
import type { Consumer } from './consumer.ts'
import { type Spec, type Stats, verify } from './measure.ts'
import { type Peer, steadyNow } from './peer.ts'

const WARM_UP = 30
const SPACING_MS = 20
const CALLERS = 64
/** What may wait or run concurrently while the sustained rate is found. */
const IN_FLIGHT = 1_000

/** From the call of a lone push to the first line of its job. */
export async function measureLatency(
  peer: Peer,
  consumer: Consumer,
  load: boolean,
  spec: Spec,
): Promise<Stats> {
  let pushed = 0
  await consumer.start()
  // The first ones open connections and compile.
  for (let n = 0; n < WARM_UP; n++) await probe()
  const skipped = WARM_UP
  let rate = 0
  let background: Background | null = null
  if (load) {
    rate = spec.load ?? (await sustained()) / 2
    background = new Background(peer, rate)
    await sleep(500)
  }
  for (let n = 0; n < spec.samples; n++) await probe()
  if (background !== null) pushed += await background.stop()
  const reached = background?.rate ?? 0
  await consumer.ran.reaches(pushed)
  await consumer.stored(pushed)
  const { latencies } = await consumer.report()
  await consumer.stop()
  await verify(peer, pushed)
  const sorted = latencies.slice(skipped).sort((a, b) => a - b)
  if (sorted.length !== spec.samples) throw new Error(`${sorted.length} of ${spec.samples} started`)
  return { p50: at(sorted, 0.5), p99: at(sorted, 0.99), ...(load && { load: reached }) }

  async function probe(): Promise<void> {
    // Not at even steps, so that nothing that ticks is met at the same phase each time.
    await sleep(SPACING_MS * (0.75 + Math.random() / 2))
    pushed++
    await peer.push({ at: steadyNow() })
  }

  /** Jobs per second that the system takes by single pushes and runs at the same time. */
  async function sustained(): Promise<number> {
    const [before, startedAt] = [pushed, performance.now()]
    const until = startedAt + spec.seconds * 1_000
    await Promise.all(
      Array.from({ length: CALLERS }, async () => {
        while (performance.now() < until) {
          if (pushed - consumer.ran.value > IN_FLIGHT) {
            await sleep(1)
            continue
          }
          pushed++
          await peer.push({})
        }
      }),
    )
    await consumer.ran.reaches(pushed)
    return ((pushed - before) / (performance.now() - startedAt)) * 1_000
  }
}

/** Single pushes at an even rate, whatever becomes of them. */
class Background {
  readonly #peer: Peer
  readonly #perMs: number
  readonly #startedAt = performance.now()
  #pushed = 0
  #underWay = new Set<Promise<unknown>>()
  #failure: unknown = null
  #endedAt: number | null = null

  constructor(peer: Peer, rate: number) {
    this.#peer = peer
    this.#perMs = rate / 1_000
    this.#tick()
  }

  /** The rate that was reached, which is less where the pushes themselves could not keep up. */
  get rate(): number {
    return (this.#pushed / ((this.#endedAt ?? performance.now()) - this.#startedAt)) * 1_000
  }

  /** How many were pushed. */
  async stop(): Promise<number> {
    this.#endedAt = performance.now()
    await Promise.all(this.#underWay)
    if (this.#failure !== null) throw this.#failure
    return this.#pushed
  }

  #tick = (): void => {
    if (this.#endedAt !== null) return
    const owed = Math.floor((performance.now() - this.#startedAt) * this.#perMs)
    while (this.#pushed < owed && this.#underWay.size < IN_FLIGHT) {
      this.#pushed++
      const push: Promise<void> = this.#peer.push({}).then(
        () => {
          this.#underWay.delete(push)
        },
        (error) => {
          this.#failure = error
        },
      )
      this.#underWay.add(push)
    }
    setTimeout(this.#tick, 1)
  }
}

function at(sorted: readonly number[], quantile: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * quantile))] ?? 0
}
