import type { Call } from '../call.ts'
import { integer, text } from '../schema.ts'

export const DEFAULT_PAGE = 50

/** The parameters of every list. */
export const pageQuery = {
  limit: integer({ min: 1, max: 200 }),
  cursor: text({ maxBytes: 4_096 }),
} as const

/** How many elements a page has: what was asked for, and not more than the limit of the handler. */
export function limitOf({ settings }: Call, asked: number | undefined): number {
  return Math.min(asked ?? DEFAULT_PAGE, settings.limits.list)
}
