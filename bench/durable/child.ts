/** One system in a process of its own, which takes what to measure; started by main.ts. */
import type { DurableAdapter } from './durable-peer.ts'

/** A repetition: what is measured so often, in a row. */
export interface Orders {
  readonly adapter: string
  readonly url: string
}
export interface Measurement {
  readonly what: 'steps' | 'start' | 'signal'
  readonly runs: number
  readonly steps: number
}

const { adapter, url }: Orders = JSON.parse(process.argv[2]!)
const { open } = (await import(new URL(adapter, import.meta.url).href)) as DurableAdapter
const peer = await open(url)

process.on('message', async ({ what, runs, steps }: Measurement) => {
  try {
    const begun = performance.now()
    const values: number[] = []
    if (what === 'steps') {
      await peer.run(runs, steps)
      values.push((runs * steps * 1_000) / (performance.now() - begun))
    } else for (let n = 0; n < runs; n++) values.push(await peer[what]())
    process.send!({ values })
  } catch (error) {
    process.send!({ error: String(error) })
  }
})
process.on('disconnect', () => process.exit())
process.send!({ ready: true })
