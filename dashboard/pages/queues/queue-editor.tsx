import { useState } from 'preact/hooks'
import type { WireQueue, WireQueueOptions } from '../../../src/http/wire.ts'
import { type ApiProblem, asProblem } from '../../api/problem.ts'
import { declareQueue, editQueue } from '../../api/queues.ts'
import { closeDialog, Dialog } from '../../components/dialog.tsx'
import { Fault } from '../../components/panel.tsx'
import { say } from '../../components/toast.tsx'
import { countText } from '../../numbers.ts'

const text = (value: number | null | undefined) => (value == null ? '' : String(value))
const numberOf = (value: string) => (value.trim() === '' ? null : Number(value))

/** Changes a queue, or declares one that only has jobs. The effect is said before it is saved. */
export function QueueEditor({ queue, after }: { queue: WireQueue; after: () => void }) {
  const isDeclared = queue.state !== 'undeclared'
  const [form, setForm] = useState({
    concurrency: text(queue.concurrency),
    executor: queue.executor ?? 'process',
    tags: queue.tags.length === 0 ? '.*' : queue.tags.join(' '),
    max: text(queue.rateLimit?.max),
    perS: text(queue.rateLimit === null ? null : queue.rateLimit.perMs / 1_000),
    polling: text(queue.pollingIntervalMs ?? 5_000),
    reason: '',
  })
  const [problem, setProblem] = useState<ApiProblem | null>(null)
  const set = (name: keyof typeof form) => (event: { currentTarget: { value: string } }) =>
    setForm({ ...form, [name]: event.currentTarget.value })
  const save = async () => {
    const max = numberOf(form.max)
    const per = numberOf(form.perS)
    const options: WireQueueOptions = {
      concurrency: numberOf(form.concurrency),
      executor: form.executor as NonNullable<WireQueueOptions['executor']>,
      tags: form.tags.split(/\s+/).filter((one) => one !== ''),
      rateLimit: max === null || per === null ? null : { max, perMs: per * 1_000 },
      pollingIntervalMs: Number(form.polling),
      ...(form.reason.trim() === '' ? {} : { reason: form.reason.trim() }),
    }
    try {
      await (isDeclared ? editQueue(queue.name, options) : declareQueue(queue.name, options))
      closeDialog()
      say(isDeclared ? `${queue.name} is changed` : `${queue.name} is declared`)
      after()
    } catch (error) {
      setProblem(asProblem(error))
    }
  }
  return (
    <Dialog
      title={isDeclared ? `Edit ${queue.name}` : `Declare ${queue.name}`}
      onSubmit={() => void save()}
      footer={
        <>
          <span class="hint">{effectText(queue, numberOf(form.concurrency))}</span>
          <button type="button" class="button" onClick={() => closeDialog()}>
            Leave it
          </button>
          <button type="submit" class="button main">
            {isDeclared ? 'Save' : 'Declare'}
          </button>
        </>
      }
    >
      {problem !== null && <Fault problem={problem} />}
      <div class="fields two">
        <label class="field">
          <span>Jobs a worker runs concurrently</span>
          <input
            class="input"
            type="number"
            min="1"
            max="10000"
            value={form.concurrency}
            onInput={set('concurrency')}
          />
          <small>Empty: what the executor has by default.</small>
        </label>
        <label class="field">
          <span>Executor</span>
          <select value={form.executor} onInput={set('executor')}>
            {['inline', 'thread', 'process'].map((one) => (
              <option key={one}>{one}</option>
            ))}
          </select>
          <small>Workers run their next jobs so; what runs is not moved.</small>
        </label>
        <label class="field">
          <span>At most</span>
          <input class="input" type="number" min="1" value={form.max} onInput={set('max')} />
          <small>Starts of all workers. Empty: no limit.</small>
        </label>
        <label class="field">
          <span>in any window of seconds</span>
          <input
            class="input"
            type="number"
            min="0.001"
            step="any"
            value={form.perS}
            onInput={set('perS')}
          />
        </label>
        <label class="field">
          <span>Tags of its workers</span>
          <input class="input mono" value={form.tags} onInput={set('tags')} />
          <small>Regular expressions, apart by spaces: one that matches is enough.</small>
        </label>
        <label class="field">
          <span>Polling, in milliseconds</span>
          <input
            class="input"
            type="number"
            min="10"
            max="86400000"
            value={form.polling}
            onInput={set('polling')}
          />
          <small>How often a worker looks for jobs without a notification.</small>
        </label>
        <label class="field full">
          <span>Reason</span>
          <input class="input" value={form.reason} maxLength={1_000} onInput={set('reason')} />
        </label>
      </div>
    </Dialog>
  )
}

/** "64 → 32 slots over 4 workers" */
function effectText(queue: WireQueue, next: number | null): string {
  const { concurrency, workers } = queue
  if (queue.state === 'undeclared') return 'Workers whose tags match begin within seconds.'
  if (concurrency === null || next === null || next === concurrency || workers === 0)
    return 'Workers take it up within seconds.'
  const [from, to] = [concurrency * workers, next * workers]
  return `${countText(from)} → ${countText(to)} slots over ${workers} workers, within seconds. What runs continues.`
}
