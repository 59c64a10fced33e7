import { useState } from 'preact/hooks'
import type { WireQueue } from '../../../src/http/wire.ts'
import { act } from '../../acting.ts'
import { deleteQueue, pauseQueue, resumeQueue } from '../../api/queues.ts'
import { ActionButton } from '../../components/button.tsx'
import { closeDialog, openDialog } from '../../components/dialog.tsx'
import { ReasonDialog } from '../../components/reason-dialog.tsx'
import { reload } from '../../live.ts'
import { plural } from '../../numbers.ts'
import { navigate, to } from '../../router.ts'
import { now, stampText } from '../../time.ts'
import { QueueEditor } from './queue-editor.tsx'

/** What can be done to one queue. */
export function QueueActs({ queue, after }: { queue: WireQueue; after: () => void }) {
  const isDeclared = queue.state !== 'undeclared'
  const done = () => {
    reload()
    after()
  }
  return (
    <div class="acts">
      <PauseOrResume queue={queue} after={done} />
      <ActionButton
        verb="queues.edit"
        keys="e"
        says={isDeclared ? 'edit the queue' : 'declare the queue'}
        tone={isDeclared ? 'quiet' : 'main'}
        onRun={() => openDialog(() => <QueueEditor queue={queue} after={done} />)}
      >
        {isDeclared ? 'Edit…' : 'Declare…'}
      </ActionButton>
      {isDeclared && (
        <ActionButton
          verb="queues.delete"
          tone="quiet"
          onRun={() => openDialog(() => <Delete queue={queue} />)}
        >
          Delete…
        </ActionButton>
      )}
    </div>
  )
}

/** Pauses a queue, or resumes it: on its own page, and in the row of a list. */
export function PauseOrResume(props: { queue: WireQueue; after: () => void; isSmall?: boolean }) {
  const { queue, after, isSmall = false } = props
  const { name } = queue
  const common = {
    verb: 'queues.pause',
    small: isSmall,
    ...(isSmall ? { rowKey: 'P' } : { keys: 'P' }),
  }
  if (queue.state === 'active')
    return (
      <ActionButton
        {...common}
        icon="pause"
        says="pause the queue"
        {...(isSmall ? { label: `Pause ${name}` } : {})}
        onRun={() => openDialog(() => <PauseDialog name={name} after={after} />)}
      >
        Pause
      </ActionButton>
    )
  if (queue.state !== 'paused') return null
  return (
    <ActionButton
      {...common}
      icon="play"
      {...(isSmall ? {} : { tone: 'main' as const })}
      says="resume the queue"
      {...(isSmall ? { label: `Resume ${name}` } : {})}
      onRun={() =>
        void act({
          run: () => resumeQueue(name),
          done: () => `${name} is active`,
          undo: () => () => pauseQueue(name),
          after,
        })
      }
    >
      Resume
    </ActionButton>
  )
}

const PAUSES = [
  ['until it is resumed', 0],
  ['for 15 minutes', 15],
  ['for 1 hour', 60],
  ['for 4 hours', 240],
  ['for 1 day', 1_440],
] as const

function PauseDialog({ name, after }: { name: string; after: () => void }) {
  const [minutes, setMinutes] = useState(0)
  const pause = (reason: string | null) => {
    closeDialog()
    const resumeAt = new Date(now.peek() + minutes * 60_000).toISOString()
    void act({
      run: () =>
        pauseQueue(name, {
          ...(minutes === 0 ? {} : { resumeAt }),
          ...(reason === null ? {} : { reason }),
        }),
      done: () =>
        `${name} is paused${minutes === 0 ? '' : ` until ${stampText(Date.parse(resumeAt))}`}; what runs continues`,
      undo: () => () => resumeQueue(name),
      after,
    })
  }
  return (
    <ReasonDialog
      title={`Pause ${name}`}
      text="No job of it starts anywhere meanwhile. What runs continues."
      confirm="Pause"
      onConfirm={pause}
    >
      <label class="field">
        <span>How long</span>
        <select
          value={String(minutes)}
          onInput={(event) => setMinutes(Number(event.currentTarget.value))}
        >
          {PAUSES.map(([label, value]) => (
            <option key={value} value={String(value)}>
              {label}
            </option>
          ))}
        </select>
      </label>
    </ReasonDialog>
  )
}

function Delete({ queue }: { queue: WireQueue }) {
  const waiting = queue.counts?.waiting ?? 0
  return (
    <ReasonDialog
      title={`Delete ${queue.name}`}
      text={
        waiting === 0
          ? 'The declaration goes. It cannot be taken back, but the queue can be declared again.'
          : `${plural(waiting, 'job')} wait in it. They stay, and none of them starts until the queue is declared again.`
      }
      confirm="Delete the declaration"
      isDanger
      onConfirm={() => {
        closeDialog()
        void act({
          run: () => deleteQueue(queue.name, waiting > 0),
          done: () => `${queue.name} is deleted`,
        }).then((isDone) => {
          if (isDone) navigate(to('queues'))
        })
      }}
    />
  )
}
