import { useState } from 'preact/hooks'
import type { WireJob } from '../../../src/http/wire.ts'
import { pushJob } from '../../api/jobs.ts'
import { type ApiProblem, asProblem } from '../../api/problem.ts'
import { closeDialog, Dialog } from '../../components/dialog.tsx'
import { Fault } from '../../components/panel.tsx'
import { say } from '../../components/toast.tsx'
import { to } from '../../router.ts'

/** Pushes another job with the same arguments, or with changed ones. */
export function JobCopy({ job }: { job: WireJob }) {
  const [args, setArgs] = useState(job.args.json)
  const [queue, setQueue] = useState(job.queue)
  const [problem, setProblem] = useState<ApiProblem | null>(null)
  const push = async () => {
    try {
      const { id } = await pushJob({
        name: job.name,
        args: JSON.parse(args) as unknown,
        queue,
        priority: job.priority,
      })
      closeDialog()
      say(`A copy of ${job.name} is pushed`, { href: to('jobs', id) })
    } catch (error) {
      setProblem(asProblem(error))
    }
  }
  return (
    <Dialog
      title={`Run a copy of ${job.name}`}
      wide
      onSubmit={() => void push()}
      footer={
        <>
          <span class="hint">
            Limits, attempts and backoff are those of the worker's definition.
          </span>
          <button type="button" class="button" onClick={() => closeDialog()}>
            Leave it
          </button>
          <button type="submit" class="button main" disabled={job.args.isCut}>
            Push
          </button>
        </>
      }
    >
      {problem !== null && <Fault problem={problem} />}
      <div class="fields">
        <label class="field">
          <span>Queue</span>
          <input
            class="input"
            required
            value={queue}
            onInput={(event) => setQueue(event.currentTarget.value)}
          />
        </label>
        <label class="field">
          <span>Args</span>
          <textarea
            rows={8}
            value={args}
            disabled={job.args.isCut}
            spellcheck={false}
            onInput={(event) => setArgs(event.currentTarget.value)}
          />
          {job.args.isCut && <small>Too large to be copied here: push it by the API.</small>}
        </label>
      </div>
    </Dialog>
  )
}
