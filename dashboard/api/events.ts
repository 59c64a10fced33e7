import type { WireTopic } from '../../src/http/wire.ts'
import { apiPath, call, listText } from './client.ts'

const listOf = (topics: readonly string[]): string => encodeURIComponent(listText(topics))

export const eventsAddress = (topics: readonly string[]): string =>
  apiPath(`events?topics=${listOf(topics)}`)

export const openEvents = (address: string): EventSource => new EventSource(address)

export async function readTopics(
  topics: readonly string[],
  signal: AbortSignal,
): Promise<readonly WireTopic[]> {
  const route = `events?topics=${listOf(topics)}&once=1`
  return (await call<{ readonly items: readonly WireTopic[] }>(route, { signal })).items
}
