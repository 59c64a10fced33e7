import type { WireGroup, WirePage } from '../../src/http/wire.ts'
import { call, pathPart, search } from './client.ts'

export const findGroups = (
  query: { readonly prefix: string | null; readonly cursor: string | null },
  signal: AbortSignal,
): Promise<WirePage<WireGroup>> => call(`groups${search({ ...query })}`, { signal })

export const getGroup = (key: string, signal: AbortSignal): Promise<WireGroup> =>
  call(`groups/${pathPart(key)}`, { signal })
