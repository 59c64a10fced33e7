import type {
  WirePage,
  WireWorkflow,
  WireWorkflowRow,
  WireWorkflowVerdict,
} from '../../src/http/wire.ts'
import { call, search } from './client.ts'

export interface WorkflowQuery {
  readonly name: string | null
  readonly state: string | null
  readonly cursor: string | null
}

export const findWorkflows = (
  query: WorkflowQuery,
  signal: AbortSignal,
): Promise<WirePage<WireWorkflowRow>> => call(`workflows${search({ ...query })}`, { signal })

export const actOnWorkflow = (id: string, verb: 'cancel' | 'retry'): Promise<WireWorkflowVerdict> =>
  call(`workflows/${encodeURIComponent(id)}/${verb}`, { method: 'POST', body: {} })

export const getWorkflow = (id: string, signal: AbortSignal): Promise<WireWorkflow> =>
  call(`workflows/${encodeURIComponent(id)}`, { signal })
