import { type Clock, Deadline } from '../../core/clock.ts'
import type { Listener } from '../driver.ts'
import { deadlineError } from './deadline.ts'
import { send, toPgQuery } from './pg-session.ts'
import { destroySocket, type PgOwnClient } from './pg-shapes.ts'
import type { ConnectionWatch } from './pg-watch.ts'
import {
  CLOSE_DEADLINE_MS,
  LISTEN_DEADLINE_MS,
  PROBE_TEXT,
  quoteChannel,
  watchSubscription,
} from './subscription.ts'

interface Notification {
  readonly channel: string
  readonly payload?: string
}

/**
 * Subscribes on a connection of its own. A server in recovery refuses LISTEN with 25006, so that no
 * listener sits on a standby, which never receives anything.
 */
export async function listenOn(
  client: PgOwnClient,
  channel: string,
  listener: Listener,
  { clock, watch }: { clock?: Clock | undefined; watch: ConnectionWatch },
): Promise<() => Promise<void>> {
  let onError = (_error: Error): void => {}
  client.on('error', (error: Error) => onError(error))
  client.on('end', () => onError(new Error('The listening connection has ended')))
  client.on('notification', (message: Notification) => {
    if (message.channel === channel) listener.onPayload(message.payload ?? '')
  })
  try {
    await connect(client)
    const listen = { text: `LISTEN ${quoteChannel(channel)}`, values: [] }
    await send(client, toPgQuery(listen), LISTEN_DEADLINE_MS)
  } catch (error) {
    close(client)
    throw error
  }
  const subscription = watchSubscription(listener, {
    clock,
    probe: async (deadlineMs) => {
      const query = toPgQuery({ text: PROBE_TEXT, values: [channel] })
      const { rows } = await send(client, query, deadlineMs)
      return (rows[0] as { channels: number } | undefined)?.channels === 1
    },
    onEnd: () => {
      forget()
      close(client)
    },
  })
  const forget = watch.onLoss(() => subscription.check())
  onError = subscription.lost
  return async () => {
    if (subscription.isOver) return
    const closed = new Promise<void>((resolve) => {
      client.on('end', resolve)
    })
    subscription.end()
    // Where the network swallows everything, the server's side of the end never comes.
    const deadline = new Deadline(CLOSE_DEADLINE_MS, () => destroySocket(client))
    await closed
    deadline.clear()
  }
}

function connect(client: PgOwnClient): Promise<void> {
  return new Promise((resolve, reject) => {
    const deadline = new Deadline(LISTEN_DEADLINE_MS, () => {
      reject(deadlineError(LISTEN_DEADLINE_MS, false))
      destroySocket(client)
    })
    client.connect((error) => {
      deadline.clear()
      if (error) reject(error)
      else resolve()
    })
  })
}

function close(client: PgOwnClient): void {
  client.end(() => {})
}
