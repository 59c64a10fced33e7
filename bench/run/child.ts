/** One measurement, or the worker of one, in a process of its own; started by main.ts. */
import { LocalConsumer, serve } from './consumer.ts'
import { measure, type Spec } from './measure.ts'
import type { Adapter } from './peer.ts'
import { sibling } from './sibling.ts'
import { systems } from './systems.ts'

const RSS_SAMPLES = 99
const spec: Spec & { readonly role?: 'worker' } = JSON.parse(process.argv[2]!)
const system = systems.find(({ name }) => name === spec.system)!
const { open } = (await import(sibling(system.adapter).href)) as Adapter
const peer = await open(spec.stores)

if (spec.role === 'worker') {
  const rssEvery =
    spec.what.what === 'memory' ? Math.max(1, Math.floor(spec.jobs / RSS_SAMPLES)) : 0
  await serve(new LocalConsumer(peer, { kind: 'inline', grouped: false, rssEvery }))
  await peer.close()
  process.exit()
}
const answer = await measure(spec, peer).then(
  (stats) => ({ stats }),
  (error) => ({ error: error instanceof Error ? error.message : String(error) }),
)
// What was measured is known: a peer that does not close must not take it back.
process.send!(answer, () => process.exit())
