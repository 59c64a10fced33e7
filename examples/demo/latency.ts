import type { Chancy } from 'chancy'
import { clockMs, ping } from './jobs.ts'

const PUSHES = 21

export interface Latency {
  readonly pushes: number
  readonly lastMs: number
  readonly medianMs: number
}

/** From the call of `push` to the start of the function, one job at a time with nothing else to do. */
export async function measureLatency(chancy: Chancy, signal: AbortSignal): Promise<Latency> {
  const latenciesMs: number[] = []
  for (let count = 0; count < PUSHES; count++) {
    const pushedMs = clockMs()
    const done = await chancy.waitForJob(await chancy.push(ping), { timeout: '30s', signal })
    if (done.state !== 'succeeded') throw new Error(`a lone push ended as ${done.state}`)
    latenciesMs.push(done.result - pushedMs)
  }
  const lastMs = latenciesMs.at(-1) as number
  const medianMs = [...latenciesMs].sort((a, b) => a - b)[PUSHES >> 1] as number
  return { pushes: PUSHES, lastMs, medianMs }
}
