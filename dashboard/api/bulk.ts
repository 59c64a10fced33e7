import type { WireBulk, WireBulkPreview, WireBulkRequest, WirePage } from '../../src/http/wire.ts'
import { call, search } from './client.ts'

export const previewBulk = (
  request: WireBulkRequest,
  signal: AbortSignal,
): Promise<WireBulkPreview> => call('bulk/preview', { method: 'POST', body: request, signal })

export const startBulk = (request: WireBulkRequest): Promise<WireBulk> =>
  call('bulk', { method: 'POST', body: request })

export const findBulk = (cursor: string | null, signal: AbortSignal): Promise<WirePage<WireBulk>> =>
  call(`bulk${search({ cursor })}`, { signal })

/** `pause`, `resume`, `stop` or `undo`. */
export const steerBulk = (
  id: string,
  verb: 'pause' | 'resume' | 'stop' | 'undo',
  reason: string | null = null,
): Promise<WireBulk> =>
  call(`bulk/${encodeURIComponent(id)}/${verb}`, {
    method: 'POST',
    body: reason === null ? {} : { reason },
  })

export const setBulkRate = (id: string, ratePerSecond: number): Promise<WireBulk> =>
  call(`bulk/${encodeURIComponent(id)}`, { method: 'PATCH', body: { ratePerSecond } })
