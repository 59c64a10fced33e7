import { useState } from 'preact/hooks'
import type { WireJob } from '../../../src/http/wire.ts'
import { editJob, getJob, type JobChange } from '../../api/jobs.ts'
import { type ApiProblem, asProblem } from '../../api/problem.ts'
import { closeDialog, Dialog } from '../../components/dialog.tsx'
import { Fault } from '../../components/panel.tsx'
import { say } from '../../components/toast.tsx'

interface Form {
  readonly priority: string
  readonly queue: string
  readonly scheduledAt: string
  readonly maxAttempts: string
  readonly args: string
  readonly meta: string
}

const LABELS: Readonly<Record<keyof Form, string>> = {
  priority: 'Priority',
  queue: 'Queue',
  scheduledAt: 'Not before (UTC)',
  maxAttempts: 'Attempts at most',
  args: 'Args',
  meta: 'Meta',
}

/** Changes a job that waits. Where it changed meanwhile, both versions are shown, and what was typed is kept. */
export function JobEditor(props: { job: WireJob; etag: string; after: () => void }) {
  const [base, setBase] = useState({ form: formOf(props.job), etag: props.etag })
  const [form, setForm] = useState(base.form)
  const [problem, setProblem] = useState<ApiProblem | null>(null)
  const [theirs, setTheirs] = useState<Form | null>(null)
  const set = (name: keyof Form) => (event: { currentTarget: { value: string } }) =>
    setForm({ ...form, [name]: event.currentTarget.value })
  const save = async () => {
    try {
      const change = changeOf(base.form, form)
      if (Object.keys(change).length === 0) return closeDialog()
      await editJob(props.job.id, change, base.etag)
      closeDialog()
      say(`${props.job.name} is changed: ${Object.keys(change).join(', ')}`)
      props.after()
    } catch (error) {
      const found = asProblem(error)
      setProblem(found)
      if (found.code !== 'CHANGED_MEANWHILE') return
      const fresh = await getJob(props.job.id, new AbortController().signal)
      setTheirs(formOf(fresh.value))
      setBase({ form: formOf(fresh.value), etag: fresh.etag ?? '' })
    }
  }
  const names = Object.keys(LABELS) as (keyof Form)[]
  return (
    <Dialog
      title={`Edit ${props.job.name}`}
      wide
      onSubmit={() => void save()}
      footer={
        <>
          <span class="hint">A worker that takes it meanwhile runs it as it was.</span>
          <button type="button" class="button" onClick={() => closeDialog()}>
            Leave it
          </button>
          <button type="submit" class="button main">
            {theirs === null ? 'Save' : 'Save mine'}
          </button>
        </>
      }
    >
      {problem !== null && <Fault problem={problem} />}
      <div class="fields two">
        {names.map((name) => {
          const isJson = name === 'args' || name === 'meta'
          const part = isJson ? props.job[name] : null
          const other = theirs !== null && theirs[name] !== form[name] ? theirs[name] : null
          return (
            <label class={`field ${isJson ? 'full' : ''}`} key={name} for={`edit-${name}`}>
              <span>{LABELS[name]}</span>
              {isJson ? (
                <textarea
                  id={`edit-${name}`}
                  rows={5}
                  value={form[name]}
                  disabled={part?.isCut === true}
                  onInput={set(name)}
                  spellcheck={false}
                />
              ) : (
                <PlainInput name={name} value={form[name]} onInput={set(name)} />
              )}
              {part?.isCut === true && <small>Too large to be edited here.</small>}
              {other !== null && (
                <small class="warn">
                  Now: <code>{other === '' ? 'empty' : other}</code>
                </small>
              )}
            </label>
          )
        })}
      </div>
    </Dialog>
  )
}

function PlainInput(props: {
  name: keyof Form
  value: string
  onInput: (event: { currentTarget: { value: string } }) => void
}) {
  const common = {
    id: `edit-${props.name}`,
    class: 'input',
    value: props.value,
    onInput: props.onInput,
  }
  if (props.name === 'scheduledAt') return <input {...common} type="datetime-local" step={1} />
  if (props.name === 'queue') return <input {...common} type="text" required />
  return <input {...common} type="number" required={props.name === 'priority'} />
}

function formOf(job: WireJob): Form {
  return {
    priority: String(job.priority),
    queue: job.queue,
    scheduledAt: job.scheduledAt?.slice(0, 19) ?? '',
    maxAttempts: job.maxAttempts === null ? '' : String(job.maxAttempts),
    args: pretty(job.args.json),
    meta: pretty(job.meta.json),
  }
}

function pretty(json: string): string {
  try {
    const value: unknown = JSON.parse(json)
    const again = JSON.stringify(value, null, 2)
    // A number that this browser cannot hold stays as it is written.
    return JSON.stringify(value).length ===
      json.replace(/\s+(?=(?:[^"]*"[^"]*")*[^"]*$)/g, '').length
      ? again
      : json
  } catch {
    return json
  }
}

/** @throws {SyntaxError} for JSON that is none */
function changeOf(from: Form, to: Form): JobChange {
  const isNew = (name: keyof Form) => from[name] !== to[name]
  return {
    ...(isNew('priority') ? { priority: Number(to.priority) } : {}),
    ...(isNew('queue') ? { queue: to.queue } : {}),
    ...(isNew('scheduledAt')
      ? { scheduledAt: to.scheduledAt === '' ? null : new Date(`${to.scheduledAt}Z`).toISOString() }
      : {}),
    ...(isNew('maxAttempts') && to.maxAttempts !== ''
      ? { maxAttempts: Number(to.maxAttempts) }
      : {}),
    ...(isNew('args') ? { args: JSON.parse(to.args) as unknown } : {}),
    ...(isNew('meta') ? { meta: JSON.parse(to.meta) as unknown } : {}),
  }
}
