import type { WireWorker } from '../../src/http/wire.ts'
import { call } from './client.ts'

export const getWorker = (id: string, signal: AbortSignal): Promise<WireWorker> =>
  call(`workers/${encodeURIComponent(id)}`, { signal })
