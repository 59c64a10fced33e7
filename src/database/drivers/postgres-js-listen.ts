import type { Clock } from '../../core/clock.ts'
import type { Listener } from '../driver.ts'
import { deadlineError, withDeadline } from './deadline.ts'
import { send } from './postgres-js-session.ts'
import type { PostgresJs, PostgresJsListening } from './postgres-js-shapes.ts'
import {
  LISTEN_DEADLINE_MS,
  PROBE_DEADLINE_MS,
  PROBE_TEXT,
  watchSubscription,
} from './subscription.ts'

/**
 * Subscribes through `sql.listen`, which has one connection for all channels, listens again by
 * itself when that is lost and says nothing of what was missed in between. A loss shows in two ways:
 * its `onlisten` is called a second time, or the probe finds nothing. After a loss the library is
 * made to forget the listener, so that a second subscription does not receive everything twice.
 */
export async function listenThrough(
  sql: PostgresJs,
  channel: string,
  listener: Listener,
  clock?: Clock,
): Promise<() => Promise<void>> {
  const listening = sql.listen as PostgresJsListening
  let isOver = false
  let listens = 0
  let onAgain = (): void => {}
  const onPayload = (payload: string): void => {
    if (!isOver) listener.onPayload(payload)
  }
  const onListen = (): void => {
    if (++listens > 1) onAgain()
  }
  const forget = (): void => {
    isOver = true
    forgetListener(listening, channel, onPayload)
  }
  let unlisten: () => Promise<void>
  try {
    const started = sql.listen(channel, onPayload, onListen)
    const late = () => deadlineError(LISTEN_DEADLINE_MS, true)
    ;({ unlisten } = await withDeadline(started, LISTEN_DEADLINE_MS, late))
  } catch (error) {
    // Left there, it would be tried again in the background, and every later subscription to this
    // channel would get the same error.
    forget()
    throw error
  }
  const subscription = watchSubscription(listener, {
    clock,
    probe: (deadlineMs) => probe(listening, channel, deadlineMs),
    onEnd: forget,
  })
  onAgain = () => {
    subscription.lost(new Error('The listening connection was lost and replaced'))
  }
  return async () => {
    if (subscription.isOver) return
    const late = () => deadlineError(PROBE_DEADLINE_MS, true)
    const ended = withDeadline(unlisten(), PROBE_DEADLINE_MS, late).catch(() => {})
    subscription.end()
    await ended
  }
}

async function probe(
  listening: PostgresJsListening,
  channel: string,
  deadlineMs: number,
): Promise<boolean> {
  const own = listening.sql
  // Another version that hides its connection: then only `onlisten` shows it.
  if (own === undefined) return true
  try {
    const query = { text: PROBE_TEXT, values: [channel], deadlineMs }
    const rows = await send<{ channels: number }>(own, query)
    return rows[0]?.channels === 1
  } catch (error) {
    // A connection that does not answer would take the next subscription with it.
    if (listening.sql === own) listening.sql = undefined
    own.end?.({ timeout: 0 }).catch(() => {})
    throw error
  }
}

function forgetListener(listening: PostgresJsListening, channel: string, fn: unknown): void {
  const entry = listening.channels?.[channel]
  if (entry === undefined) return
  entry.listeners = entry.listeners.filter((one) => one.fn !== fn)
  if (entry.listeners.length === 0) delete listening.channels?.[channel]
}
