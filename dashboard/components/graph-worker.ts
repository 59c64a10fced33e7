import { layoutGraph } from './graph-layout.ts'
import type { PlainGraph } from './graph-shape.ts'

addEventListener('message', (event: MessageEvent<PlainGraph>) => {
  postMessage(layoutGraph(event.data))
})
