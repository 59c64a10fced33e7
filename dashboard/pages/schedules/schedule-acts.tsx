import type { WireSchedule } from '../../../src/http/wire.ts'
import { act } from '../../acting.ts'
import { cancelJob } from '../../api/jobs.ts'
import { deleteSchedule, pauseSchedule, resumeSchedule, runSchedule } from '../../api/schedules.ts'
import { ActionButton } from '../../components/button.tsx'
import { closeDialog, openDialog } from '../../components/dialog.tsx'
import { ReasonDialog } from '../../components/reason-dialog.tsx'
import { reload } from '../../live.ts'
import { navigate, to } from '../../router.ts'
import { ScheduleEditor } from './schedule-editor.tsx'
import { PreviewDialog } from './schedule-preview.tsx'

/** Run now, pause, resume and preview; on its own page edit and delete as well. */
export function ScheduleActs(props: {
  schedule: WireSchedule
  isSmall?: boolean
  after?: () => void
}) {
  const { schedule, isSmall = false } = props
  const { key, state } = schedule
  const after = () => {
    props.after?.()
    reload()
  }
  const keys = (one: string) => (isSmall ? { rowKey: one } : { keys: one })
  return (
    <span class="acts">
      <ActionButton
        verb="schedules.run"
        small={isSmall}
        icon="play"
        {...keys('n')}
        says="run now"
        label={`Run now: ${key}`}
        onRun={() =>
          void act({
            run: () => runSchedule(key),
            done: ({ created }) =>
              created ? `A job of ${key} is pushed` : `A job of ${key} is already there`,
            undo: ({ id, created }) => (created ? () => cancelJob(id) : null),
            after,
          })
        }
      >
        Run now
      </ActionButton>
      {(state === 'active' || state === 'broken') && (
        <ActionButton
          verb="schedules.edit"
          small={isSmall}
          icon="pause"
          {...keys('P')}
          says="pause"
          label={`Pause ${key}`}
          onRun={() =>
            void act({
              run: () => pauseSchedule(key, {}),
              done: () => `${key} is paused`,
              undo: () => () => resumeSchedule(key),
              after,
            })
          }
        >
          Pause
        </ActionButton>
      )}
      {state === 'paused' && (
        <ActionButton
          verb="schedules.edit"
          small={isSmall}
          icon="play"
          {...keys('P')}
          says="resume"
          label={`Resume ${key}`}
          onRun={() =>
            void act({
              run: () => resumeSchedule(key),
              done: () => `${key} is active`,
              undo: () => () => pauseSchedule(key, {}),
              after,
            })
          }
        >
          Resume
        </ActionButton>
      )}
      <ActionButton
        small={isSmall}
        icon="clock"
        {...keys('v')}
        says="preview the next ticks"
        label={`Preview the next ticks of ${key}`}
        onRun={() => openDialog(() => <PreviewDialog name={key} timeZone={schedule.timeZone} />)}
      >
        Preview…
      </ActionButton>
      {!isSmall && (
        <>
          <ActionButton
            verb="schedules.edit"
            keys="e"
            says="edit"
            onRun={() => openDialog(() => <ScheduleEditor schedule={schedule} after={after} />)}
          >
            Edit…
          </ActionButton>
          <ActionButton
            verb="schedules.edit"
            tone="quiet"
            onRun={() =>
              openDialog(() => (
                <ReasonDialog
                  title={`Delete ${key}`}
                  text={
                    schedule.owner === null
                      ? 'No further job of it is pushed. Jobs that are there stay.'
                      : `The code of ${schedule.owner} declares it: the next deploy makes it again.`
                  }
                  confirm="Delete"
                  isDanger
                  onConfirm={() => {
                    closeDialog()
                    void act({
                      run: () => deleteSchedule(key),
                      done: () => `${key} is deleted`,
                    }).then((isDone) => {
                      if (isDone) navigate(to('schedules'))
                    })
                  }}
                />
              ))
            }
          >
            Delete…
          </ActionButton>
        </>
      )}
    </span>
  )
}
