import type { NotifierEvents } from '../database/notifier.ts'
import type { Hub } from '../events/hub.ts'
import type { WakeNotices } from './wake-notices.ts'

/** What is heard from other processes, as events of this one. */
export function notifierEvents(hub: Hub, notices: WakeNotices | null): NotifierEvents {
  return {
    onConnected: () => hub.emit('notifier.connected', {}),
    onLost: (error: unknown) => hub.emit('notifier.lost', { error }),
    onResumed: () => hub.emit('notifier.resumed', {}),
    onEvent: (full: string, subject: string) => {
      const [name, origin] = full.split('/')
      // This process has told its own runners directly.
      if (origin !== undefined && origin === notices?.origin) return
      if (name === 'queue.pushed') hub.emit('queue.pushed', { queue: subject })
      else if (name === 'queue.changed') hub.emit('queue.changed', { queue: subject })
      else if (name === 'job.scheduled') hub.emit('job.scheduled', { queue: subject })
      else if (name === 'job.cancelled') hub.emit('job.cancelled', { id: subject })
      else if (name === 'job.finished') hub.emit('job.finished', { id: subject, state: null })
    },
  }
}
