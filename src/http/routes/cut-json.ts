import { storableText } from '../../core/storable-text.ts'
import type { MaskedPart, Masks } from '../masks.ts'
import type { WireCut } from '../shapes/page.ts'

/** How much of each part of a job stands in a list, and on the job itself. */
export const LIST_BYTES = 256
export const PAGE_BYTES = 16_384

/** JSON of a part of a job as text: masked, then cut. */
export function cutJson(value: unknown, part: MaskedPart, masks: Masks, maxBytes: number): WireCut {
  return cutText(masks.json(part, JSON.stringify(value ?? null)), maxBytes)
}

export function cutText(text: string, maxBytes: number): WireCut {
  const bytes = Buffer.byteLength(text)
  if (bytes <= maxBytes) return { json: text, bytes, isCut: false }
  return { json: storableText(text, maxBytes), bytes, isCut: true }
}

/** A time as the API writes it; null stays null. */
export function iso(at: Date): string
export function iso(at: Date | null): string | null
export function iso(at: Date | null): string | null {
  return at === null ? null : at.toISOString()
}
