import { scriptAddress } from '../policy.ts'
import type { GraphLayout, PlainGraph } from './graph-shape.ts'
import workerUrl from './graph-worker.ts?worker&url'

/** The places of a graph. A worker finds them: a large one would be felt as a pause. */
export function placesOf(graph: PlainGraph, signal: AbortSignal): Promise<GraphLayout> {
  return new Promise((resolve, reject) => {
    const address = new URL(workerUrl, import.meta.url).href
    const worker = new Worker(scriptAddress(address), { type: 'module' })
    const stop = () => worker.terminate()
    signal.addEventListener('abort', stop, { once: true })
    worker.addEventListener('message', (event: MessageEvent<GraphLayout>) => {
      stop()
      resolve(event.data)
    })
    worker.addEventListener('error', (event) => {
      stop()
      reject(new Error(event.message))
    })
    worker.postMessage(graph)
  })
}
