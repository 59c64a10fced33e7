import type { WireJob } from '../../../src/http/wire.ts'
import { act } from '../../acting.ts'
import { cancelJob, deleteJob, retryJob, runJobNow } from '../../api/jobs.ts'
import { ActionButton } from '../../components/button.tsx'
import { closeDialog, openDialog } from '../../components/dialog.tsx'
import { ReasonDialog } from '../../components/reason-dialog.tsx'
import { reload } from '../../live.ts'
import { navigate, toJobs } from '../../router.ts'
import { session } from '../../session.ts'
import { JobCopy } from './job-copy.tsx'
import { JobEditor } from './job-editor.tsx'

/** What can be done to one job. What its state forbids is there, and says why it is not possible. */
export function JobActs(props: { job: WireJob; etag: string | null; after: () => void }) {
  const { job, etag } = props
  const { id, name, state } = job
  const waits = state === 'pending' || state === 'retrying'
  const isOver = !waits && state !== 'running'
  const after = () => {
    props.after()
    reload()
  }
  const mayPush = session.value?.push?.some((pattern) => fits(pattern, name)) === true
  return (
    <div class="acts at-foot">
      {(state === 'failed' || state === 'cancelled') && (
        <ActionButton
          verb="jobs.retry"
          icon="again"
          tone="main"
          keys="t"
          says="retry"
          onRun={() =>
            void act({
              run: () => retryJob(id),
              done: () => `${name} waits again`,
              undo: () => () => cancelJob(id),
              after,
            })
          }
        >
          Retry
        </ActionButton>
      )}
      {!isOver && (
        <ActionButton
          verb="jobs.cancel"
          icon="slash"
          keys="c"
          says="cancel"
          onRun={() =>
            void act({
              run: () => cancelJob(id),
              done: ({ verdict }) =>
                verdict === 'requested' ? `${name} is asked to stop` : `${name} is cancelled`,
              undo: ({ verdict }) => (verdict === 'cancelled' ? () => retryJob(id) : null),
              after,
            })
          }
        >
          Cancel
        </ActionButton>
      )}
      {waits && (
        <ActionButton
          verb="jobs.edit"
          icon="play"
          keys="n"
          says="run now"
          onRun={() =>
            void act({ run: () => runJobNow(id), done: () => `${name} waits no longer`, after })
          }
        >
          Run now
        </ActionButton>
      )}
      <ActionButton
        verb="jobs.edit"
        keys="e"
        says="edit"
        why={
          waits
            ? etag === null
              ? 'It is being read.'
              : null
            : 'Only a job that waits can be edited.'
        }
        onRun={() => openDialog(() => <JobEditor job={job} etag={etag ?? ''} after={after} />)}
      >
        Edit…
      </ActionButton>
      {mayPush && (
        <ActionButton
          verb="jobs.push"
          icon="copy"
          onRun={() => openDialog(() => <JobCopy job={job} />)}
        >
          Run a copy…
        </ActionButton>
      )}
      <ActionButton
        verb="jobs.delete"
        tone="quiet"
        why={isOver ? null : 'Only a finished job can be deleted: cancel it first.'}
        onRun={() =>
          openDialog(() => (
            <ReasonDialog
              title={`Delete ${name}`}
              text="The job goes, with its arguments, result and errors. It cannot be taken back."
              confirm="Delete"
              isDanger
              onConfirm={() => {
                closeDialog()
                void act({ run: () => deleteJob(id), done: () => `${name} is deleted` }).then(
                  (isDone) => {
                    if (isDone) navigate(toJobs(''))
                  },
                )
              }}
            />
          ))
        }
      >
        Delete…
      </ActionButton>
    </div>
  )
}

const fits = (pattern: string, name: string): boolean =>
  pattern.endsWith('*') ? name.startsWith(pattern.slice(0, -1)) : pattern === name
