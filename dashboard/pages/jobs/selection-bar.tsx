import type { WireJobRow } from '../../../src/http/wire.ts'
import { act } from '../../acting.ts'
import { cancelJob, deleteJob, retryJob, runJobNow } from '../../api/jobs.ts'
import { BulkDialog } from '../../components/bulk-dialog.tsx'
import { ActionButton } from '../../components/button.tsx'
import { openDialog } from '../../components/dialog.tsx'
import { useKeys } from '../../keys.ts'
import { plural } from '../../numbers.ts'
import { currentRow } from '../../rows.ts'
import { may } from '../../session.ts'
import type { Selection } from './selection.ts'

type Verb = 'retry' | 'cancel' | 'run-now' | 'delete' | 'reprioritise' | 'move'
const SINGLE = { retry: retryJob, cancel: cancelJob, 'run-now': runJobNow, delete: deleteJob }
const DONE = {
  retry: 'waits again',
  cancel: 'is cancelled',
  'run-now': 'starts next',
  delete: 'is deleted',
}

/** What can be done to the selected jobs: one immediately, more after a preview. */
export function SelectionBar(props: {
  selection: Selection
  filter: string
  rows: readonly WireJobRow[]
  after: () => void
}) {
  const { selection, filter, rows, after } = props
  const { ids, isEverything } = selection
  useKeys(
    () => [
      {
        keys: 'A',
        says: 'select all that match',
        of: 'This page',
        run: () => selection.chooseEverything(),
      },
    ],
    [rows],
  )
  const isIdle = ids.size === 0 && !isEverything
  const run = (verb: Verb) => {
    // Without a selection the row that has the focus is meant.
    const focused = currentRow()?.querySelector<HTMLAnchorElement>('a[title]')?.title
    const wanted = ids.size > 0 ? [...ids] : focused === undefined ? [] : [focused]
    const first = rows.find(({ id }) => id === wanted[0])
    if (!isEverything && wanted.length === 0) return
    if (!isEverything && wanted.length === 1 && verb in SINGLE && first !== undefined) {
      const single = verb as keyof typeof SINGLE
      void act({
        run: () => SINGLE[single](first.id),
        done: () => `${first.name} ${DONE[single]}`,
        undo: () =>
          single === 'retry'
            ? () => cancelJob(first.id)
            : single === 'cancel'
              ? () => retryJob(first.id)
              : null,
        after,
      })
      return
    }
    openDialog(() => (
      <BulkDialog
        action={verb}
        target={isEverything ? { filter } : { ids: wanted }}
        after={() => {
          selection.clear()
          after()
        }}
      />
    ))
  }
  useKeys(
    () =>
      (['retry', 'cancel'] as const)
        .filter((verb) => may(`jobs.${verb}`))
        .map((verb) => ({
          keys: verb === 'retry' ? 't' : 'c',
          says: `${verb} what is selected, or the row`,
          of: 'This page',
          run: () => run(verb),
        })),
    [run],
  )
  const common = { small: true, why: isIdle ? 'Select jobs first.' : null }
  return (
    <div class="selection" role="toolbar" aria-label="Selected jobs" data-idle={isIdle}>
      <span aria-live="polite">
        {isIdle ? (
          <span class="soft">Select jobs to act on them.</span>
        ) : isEverything ? (
          <b>All that match</b>
        ) : (
          <b>{plural(ids.size, 'job')} selected</b>
        )}
      </span>
      {!isEverything && rows.length > 0 && (
        <button
          type="button"
          class="button quiet small"
          onClick={() => selection.chooseEverything()}
        >
          All that match
        </button>
      )}
      {!isIdle && (
        <button type="button" class="button quiet small" onClick={() => selection.clear()}>
          Clear
        </button>
      )}
      <span class="acts">
        <ActionButton {...common} verb="jobs.retry" icon="again" onRun={() => run('retry')}>
          Retry…
        </ActionButton>
        <ActionButton {...common} verb="jobs.cancel" icon="slash" onRun={() => run('cancel')}>
          Cancel…
        </ActionButton>
        <ActionButton {...common} verb="jobs.edit" onRun={() => run('run-now')}>
          Run now…
        </ActionButton>
        <ActionButton {...common} verb="jobs.edit" onRun={() => run('reprioritise')}>
          Priority…
        </ActionButton>
        <ActionButton {...common} verb="jobs.edit" onRun={() => run('move')}>
          Move…
        </ActionButton>
        <ActionButton {...common} verb="jobs.delete" onRun={() => run('delete')}>
          Delete…
        </ActionButton>
      </span>
    </div>
  )
}
