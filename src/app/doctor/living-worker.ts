import type { WorkerHealthRow } from '../../database/statements/diagnosis-jobs.ts'
import { quoted } from './phrase.ts'

/** A worker by its label, or by its host and the end of its id. */
export function nameOf({
  id,
  label,
  tags,
}: Pick<WorkerHealthRow, 'id' | 'label' | 'tags'>): string {
  if (label !== null) return quoted(label)
  const host = listOf(tags).find((tag) => tag.startsWith('hostname='))
  return host === undefined ? id : `${quoted(host.slice('hostname='.length))} (${id})`
}

/** Its clock when it asked for the lease, in milliseconds. */
export function clockOf(environment: string): number | null {
  const { clockMs } = objectOf(environment)
  return typeof clockMs === 'number' && Number.isFinite(clockMs) ? clockMs : null
}

/** The version of its zone data, or of its ICU. Null: it did not say. */
export function zoneDataOf(environment: string): string | null {
  const { tz } = objectOf(environment)
  return typeof tz === 'string' ? tz : null
}

/** The row may hold anything. */
function objectOf(json: string): Readonly<Record<string, unknown>> {
  const value: unknown = JSON.parse(json)
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {}
}

function listOf(json: string): readonly string[] {
  const value: unknown = JSON.parse(json)
  return Array.isArray(value) ? value.map(String) : []
}
