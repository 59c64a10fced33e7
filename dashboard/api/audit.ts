import type { WireAuditEntry, WirePage } from '../../src/http/wire.ts'
import { call, search } from './client.ts'

export const findAudit = (
  query: { readonly q: string | null; readonly cursor: string | null; readonly limit?: number },
  signal: AbortSignal,
): Promise<WirePage<WireAuditEntry>> => call(`audit${search({ ...query })}`, { signal })
