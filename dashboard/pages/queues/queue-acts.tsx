import type { WireQueue } from '../../../src/http/wire.ts'
import { act } from '../../acting.ts'
import { deleteQueue, pauseQueue, resumeQueue } from '../../api/queues.ts'
import { ActionButton } from '../../components/button.tsx'
import { closeDialog, openDialog } from '../../components/dialog.tsx'
import { Menu } from '../../components/menu.tsx'
import { ReasonDialog } from '../../components/reason-dialog.tsx'
import { reload } from '../../live.ts'
import { plural } from '../../numbers.ts'
import { navigate, to } from '../../router.ts'
import { may } from '../../session.ts'
import { now } from '../../time.ts'
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
      {queue.state === 'active' && <Pause queue={queue} after={done} />}
      {queue.state === 'paused' && (
        <ActionButton
          verb="queues.pause"
          icon="play"
          tone="main"
          keys="P"
          says="resume the queue"
          onRun={() =>
            void act({
              run: () => resumeQueue(queue.name),
              done: () => `${queue.name} is active`,
              undo: () => () => pauseQueue(queue.name),
              after: done,
            })
          }
        >
          Resume
        </ActionButton>
      )}
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

const PAUSES = [
  ['15 minutes', 15],
  ['1 hour', 60],
  ['4 hours', 240],
  ['1 day', 1_440],
] as const

function Pause({ queue, after }: { queue: WireQueue; after: () => void }) {
  const pause = (minutes: number | null, reason: string | null) =>
    act({
      run: () =>
        pauseQueue(queue.name, {
          ...(minutes === null
            ? {}
            : { resumeAt: new Date(now.peek() + minutes * 60_000).toISOString() }),
          ...(reason === null ? {} : { reason }),
        }),
      done: () =>
        `${queue.name} is paused${minutes === null ? '' : ' for a while'}; what runs continues`,
      undo: () => () => resumeQueue(queue.name),
      after,
    })
  if (!may('queues.pause')) return null
  return (
    <>
      <ActionButton
        icon="pause"
        keys="P"
        says="pause the queue"
        onRun={() =>
          openDialog(() => (
            <ReasonDialog
              title={`Pause ${queue.name}`}
              text="No job of it starts anywhere until it is resumed. What runs continues."
              confirm="Pause"
              onConfirm={(reason) => {
                closeDialog()
                void pause(null, reason)
              }}
            />
          ))
        }
      >
        Pause
      </ActionButton>
      <Menu
        label={<span>for</span>}
        title={`Pause ${queue.name} for a time`}
        items={PAUSES.map(([label, minutes]) => ({
          label,
          run: () => void pause(minutes, null),
        }))}
      />
    </>
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
