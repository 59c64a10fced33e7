import type {
  WirePreview,
  WireSchedule,
  WireScheduleDetail,
  WireScheduleRun,
} from '../../src/http/wire.ts'
import { call, pathPart, search } from './client.ts'

const at = (key: string) => `schedules/${pathPart(key)}`

export const getSchedule = (key: string, signal: AbortSignal): Promise<WireScheduleDetail> =>
  call(at(key), { signal })

export const previewSchedule = (
  key: string,
  n: number,
  signal: AbortSignal,
): Promise<WirePreview> => call(`${at(key)}/preview${search({ n })}`, { signal })

export const pauseSchedule = (
  key: string,
  options: { readonly resumeAt?: string; readonly reason?: string },
): Promise<WireSchedule> => call(`${at(key)}/pause`, { method: 'POST', body: options })

export const resumeSchedule = (key: string): Promise<WireSchedule> =>
  call(`${at(key)}/resume`, { method: 'POST', body: {} })

export const runSchedule = (key: string): Promise<WireScheduleRun> =>
  call(`${at(key)}/run-now`, { method: 'POST', body: {} })

export const deleteSchedule = (key: string): Promise<null> => call(at(key), { method: 'DELETE' })

export const putSchedule = (key: string, options: unknown): Promise<WireSchedule> =>
  call(at(key), { method: 'PUT', body: options })
