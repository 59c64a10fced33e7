import { useState } from 'preact/hooks'
import type { WireBulkPreview, WireBulkRequest } from '../../src/http/wire.ts'
import { sayProblem } from '../acting.ts'
import { previewBulk, startBulk, steerBulk } from '../api/bulk.ts'
import { type ApiProblem, asProblem } from '../api/problem.ts'
import { useLoad } from '../loading.ts'
import { boundedText, countText } from '../numbers.ts'
import { to } from '../router.ts'
import { session } from '../session.ts'
import { spanText } from '../time.ts'
import { closeDialog, Dialog } from './dialog.tsx'
import { Bones, Fault } from './panel.tsx'
import { StateMark } from './state-mark.tsx'
import { say } from './toast.tsx'

export type BulkVerb = WireBulkRequest['action']

const WORDS: Readonly<Record<BulkVerb, string>> = {
  cancel: 'Cancel',
  retry: 'Retry',
  delete: 'Delete',
  'run-now': 'Run now',
  reprioritise: 'Change the priority of',
  move: 'Move',
}

/** What an action on many jobs would do, before it does it: how many, which, what is skipped, how long, and back. */
export function BulkDialog(props: {
  action: BulkVerb
  target: { readonly filter: string } | { readonly ids: readonly string[] }
  ratePerSecond?: number
  after?: () => void
}) {
  const { action, target } = props
  const [rate, setRate] = useState(String(props.ratePerSecond ?? 100))
  const [reason, setReason] = useState('')
  const [priority, setPriority] = useState('10')
  const [queue, setQueue] = useState('')
  const [fault, setFault] = useState<ApiProblem | null>(null)
  const [isSending, setSending] = useState(false)
  const ratePerSecond = Math.min(2_000, Math.max(1, Math.round(Number(rate)) || 1))
  const args =
    action === 'reprioritise'
      ? { args: { priority: Number(priority) } }
      : action === 'move'
        ? { args: { queue } }
        : {}
  const request: WireBulkRequest = { action, ...target, ...args, ratePerSecond, everything: true }
  const isAskable = action !== 'move' || queue !== ''
  const preview = useLoad(isAskable ? JSON.stringify([request]) : null, (signal) =>
    previewBulk(request, signal),
  )
  const start = async () => {
    setSending(true)
    try {
      const bulk = await startBulk({
        ...request,
        ...(reason.trim() === '' ? {} : { reason: reason.trim() }),
      })
      closeDialog()
      const isBack = preview.data?.canUndo === true
      say(`${WORDS[action]}: it runs, at ${ratePerSecond}/s`, {
        href: to('actions'),
        undo: isBack
          ? () => void steerBulk(bulk.id, 'undo').then(() => say('Being taken back'), sayProblem)
          : null,
      })
      props.after?.()
    } catch (error) {
      setFault(asProblem(error))
      setSending(false)
    }
  }
  const isRequired = session.value?.requireReason === true
  return (
    <Dialog
      title={titleOf(action, preview.data)}
      wide
      onSubmit={() => void start()}
      footer={
        <>
          <span class="hint">{undoText(preview.data)}</span>
          <button type="button" class="button" onClick={() => closeDialog()}>
            Leave it
          </button>
          <button
            type="submit"
            class={`button ${action === 'delete' ? 'danger' : 'main'}`}
            disabled={
              isSending || !isAskable || (preview.data !== null && actedOn(preview.data) === 0)
            }
          >
            {WORDS[action]} {preview.data === null ? '' : amountOf(preview.data)}
          </button>
        </>
      }
    >
      {fault !== null && <Fault problem={fault} />}
      <div class="fields two">
        {action === 'move' && (
          <label class="field">
            <span>To the queue</span>
            <input
              class="input"
              required
              value={queue}
              onInput={(event) => setQueue(event.currentTarget.value)}
            />
          </label>
        )}
        {action === 'reprioritise' && (
          <label class="field">
            <span>Priority</span>
            <input
              class="input"
              type="number"
              required
              value={priority}
              onInput={(event) => setPriority(event.currentTarget.value)}
            />
            <small>Higher starts sooner.</small>
          </label>
        )}
        <label class="field">
          <span>Jobs a second</span>
          <input
            class="input"
            type="number"
            min="1"
            max="2000"
            required
            value={rate}
            onInput={(event) => setRate(event.currentTarget.value)}
          />
          <small>Slow spares the service that they call.</small>
        </label>
        <label class="field">
          <span>Reason</span>
          <input
            class="input"
            value={reason}
            required={isRequired}
            maxLength={1_000}
            onInput={(event) => setReason(event.currentTarget.value)}
          />
          <small>It stands in Actions, beside your name.</small>
        </label>
      </div>
      {preview.problem !== null && <Fault problem={preview.problem} again={preview.reload} />}
      {preview.data === null && preview.problem === null && isAskable && <Bones rows={3} />}
      {preview.data !== null && <Preview preview={preview.data} />}
    </Dialog>
  )
}

function Preview({ preview }: { preview: WireBulkPreview }) {
  return (
    <>
      <ul class="effects">
        {preview.states.map((one) => (
          <li key={`${one.state} ${one.what}`}>
            <b class="num">{countText(one.jobs)}</b> <StateMark state={one.state} />{' '}
            <span class="soft">→ {one.what}</span>
          </li>
        ))}
      </ul>
      {preview.takesMs > 0 && (
        <p class="soft">It takes about {spanText(preview.takesMs)} at this rate.</p>
      )}
      {preview.filter !== null && (
        <p class="soft">
          Frozen as <code>{preview.filter}</code>: jobs that come later are not touched.
        </p>
      )}
      {preview.samples.length > 0 && (
        <table class="samples">
          <caption class="unseen">Some of them</caption>
          <tbody>
            {preview.samples.map((job) => (
              <tr key={job.id}>
                <td>
                  <StateMark state={job.state} />
                </td>
                <td class="name">{job.name}</td>
                <td class="name">{job.queue}</td>
                <td class="mono soft clip-cell">
                  <span class="clip">{job.args.json}</span>
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
    </>
  )
}

/** Of the counted jobs those that are not skipped. */
const actedOn = ({ states }: WireBulkPreview): number =>
  states.reduce((sum, { isSkipped, jobs }) => sum + (isSkipped ? 0 : jobs), 0)

function amountOf(preview: WireBulkPreview): string {
  const [jobs, { more }] = [actedOn(preview), preview]
  return `${boundedText(jobs, { more })} ${jobs === 1 && !more ? 'job' : 'jobs'}`
}

function titleOf(action: BulkVerb, preview: WireBulkPreview | null): string {
  return `${WORDS[action]} ${preview === null ? 'jobs' : amountOf(preview)}`
}

function undoText(preview: WireBulkPreview | null): string {
  if (preview === null) return ''
  return actedOn(preview) === 0 ? 'Nothing is left to do: all of them are skipped.' : preview.undo
}
