import { useState } from 'preact/hooks'
import type { WireSchedule } from '../../../src/http/wire.ts'
import { type ApiProblem, asProblem } from '../../api/problem.ts'
import { putSchedule } from '../../api/schedules.ts'
import { closeDialog, Dialog } from '../../components/dialog.tsx'
import { Fault } from '../../components/panel.tsx'
import { say } from '../../components/toast.tsx'
import { cronWords } from './cron-words.ts'

/** Changes when a schedule fires and what it pushes. The server checks the expression before it is saved. */
export function ScheduleEditor(props: { schedule: WireSchedule; after: () => void }) {
  const { schedule } = props
  const [form, setForm] = useState({
    cron: schedule.cron ?? '',
    everyS: schedule.everyMs === null ? '' : String(schedule.everyMs / 1_000),
    timeZone: schedule.timeZone ?? '',
    queue: schedule.job.queue,
    args: schedule.job.args.json,
    overlap: schedule.overlap as string,
  })
  const [problem, setProblem] = useState<ApiProblem | null>(null)
  const set = (name: keyof typeof form) => (event: { currentTarget: { value: string } }) =>
    setForm({ ...form, [name]: event.currentTarget.value })
  const isInterval = schedule.everyMs !== null
  const save = async () => {
    const { job } = schedule
    try {
      await putSchedule(schedule.key, {
        ...(isInterval ? { everyMs: Number(form.everyS) * 1_000 } : { cron: form.cron }),
        ...(form.timeZone === '' ? {} : { timeZone: form.timeZone }),
        ...(schedule.startsAt === null ? {} : { startsAt: schedule.startsAt }),
        ...(schedule.endsAt === null ? {} : { endsAt: schedule.endsAt }),
        job: {
          name: job.name,
          queue: form.queue,
          args: JSON.parse(form.args) as unknown,
          priority: job.priority,
          ...(job.maxAttempts === null ? {} : { maxAttempts: job.maxAttempts }),
        },
        overlap: form.overlap,
        jitterMs: schedule.jitterMs,
      })
      closeDialog()
      say(`${schedule.key} is changed`)
      props.after()
    } catch (error) {
      setProblem(asProblem(error))
    }
  }
  const words = isInterval ? null : cronWords(form.cron)
  return (
    <Dialog
      title={`Edit ${schedule.key}`}
      onSubmit={() => void save()}
      footer={
        <>
          <span class="hint">
            {schedule.owner !== null &&
              `The code of ${schedule.owner} declares it: the next deploy writes over this.`}
          </span>
          <button type="button" class="button" onClick={() => closeDialog()}>
            Leave it
          </button>
          <button type="submit" class="button main">
            Save
          </button>
        </>
      }
    >
      {problem !== null && <Fault problem={problem} />}
      <div class="fields">
        {isInterval ? (
          <label class="field">
            <span>Every, in seconds</span>
            <input
              class="input"
              type="number"
              min="1"
              step="any"
              required
              value={form.everyS}
              onInput={set('everyS')}
            />
          </label>
        ) : (
          <label class="field">
            <span>Cron expression</span>
            <input
              class="input mono"
              required
              maxLength={200}
              value={form.cron}
              onInput={set('cron')}
            />
            <small>{words ?? 'The next ticks are shown when it is saved.'}</small>
          </label>
        )}
        <label class="field">
          <span>Zone</span>
          <input class="input" value={form.timeZone} placeholder="UTC" onInput={set('timeZone')} />
        </label>
        <label class="field">
          <span>Queue</span>
          <input class="input" required value={form.queue} onInput={set('queue')} />
        </label>
        <label class="field">
          <span>While the job of a tick before has not finished</span>
          <select value={form.overlap} onInput={set('overlap')}>
            {['skip', 'queue', 'replace', 'allow'].map((one) => (
              <option key={one}>{one}</option>
            ))}
          </select>
        </label>
        <label class="field">
          <span>Args</span>
          <textarea
            rows={4}
            value={form.args}
            disabled={schedule.job.args.isCut}
            spellcheck={false}
            onInput={set('args')}
          />
        </label>
      </div>
    </Dialog>
  )
}
