import type { WireQueue, WireQueueExplanation, WireQueueOptions } from '../../src/http/wire.ts'
import { call, pathPart } from './client.ts'

const at = (name: string) => `queues/${pathPart(name)}`

export const explainQueue = (name: string, signal: AbortSignal): Promise<WireQueueExplanation> =>
  call(`${at(name)}/explain`, { signal })

export const pauseQueue = (
  name: string,
  options: { readonly resumeAt?: string; readonly reason?: string } = {},
): Promise<WireQueue> => call(`${at(name)}/pause`, { method: 'POST', body: options })

export const resumeQueue = (name: string, reason?: string): Promise<WireQueue> =>
  call(`${at(name)}/resume`, { method: 'POST', body: reason === undefined ? {} : { reason } })

export const declareQueue = (name: string, options: WireQueueOptions): Promise<WireQueue> =>
  call(at(name), { method: 'PUT', body: options })

export const editQueue = (name: string, options: WireQueueOptions): Promise<WireQueue> =>
  call(at(name), { method: 'PATCH', body: options })

export const deleteQueue = (name: string, keepJobs: boolean): Promise<null> =>
  call(`${at(name)}${keepJobs ? '?jobs=keep' : ''}`, { method: 'DELETE' })
