import type { WireFailure, WireFailureDetail, WirePage } from '../../src/http/wire.ts'
import { call, search } from './client.ts'

export interface FailureQuery {
  readonly state: string | null
  readonly order: string | null
  readonly name: string | null
  readonly kind: string | null
  readonly version: string | null
  readonly cursor: string | null
}

const at = (fingerprint: string) => `failures/${encodeURIComponent(fingerprint)}`

export const findFailures = (
  query: FailureQuery,
  signal: AbortSignal,
): Promise<WirePage<WireFailure>> => call(`failures${search({ ...query })}`, { signal })

export const getFailure = (fingerprint: string, signal: AbortSignal): Promise<WireFailureDetail> =>
  call(at(fingerprint), { signal })

/** `mute`, `unmute` or `resolve`. */
export const markFailure = (
  fingerprint: string,
  verb: 'mute' | 'unmute' | 'resolve',
  note?: string,
): Promise<WireFailureDetail> =>
  call(`${at(fingerprint)}/${verb}`, { method: 'POST', body: note === undefined ? {} : { note } })
