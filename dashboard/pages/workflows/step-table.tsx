import { useState } from 'preact/hooks'
import type { WireStep, WireWorkflow } from '../../../src/http/wire.ts'
import { Stamp } from '../../components/ago.tsx'
import { StateMark } from '../../components/state-mark.tsx'
import { to } from '../../router.ts'

const FEW = 100

/** The graph as a list: what each step waits for, and how it ended. It is always there, for every way of reading. */
export function StepTable({ flow }: { flow: WireWorkflow }) {
  const [text, setText] = useState('')
  const [limit, setLimit] = useState(FEW)
  const fitting = flow.steps.filter(({ name }) => name.toLowerCase().includes(text.toLowerCase()))
  return (
    <>
      {flow.steps.length > 12 && (
        <p class="in-panel">
          <label>
            <span class="unseen">Steps by name</span>
            <input
              class="input"
              type="search"
              value={text}
              placeholder="Steps by name…"
              data-filter=""
              onInput={(event) => setText(event.currentTarget.value)}
            />
          </label>
        </p>
      )}
      <div class="scroll">
        <table class="cards">
          <caption class="unseen">Steps</caption>
          <thead>
            <tr>
              <th scope="col">Step</th>
              <th scope="col">State</th>
              <th scope="col">Waits for</th>
              <th scope="col">Ended</th>
              <th scope="col">Error</th>
            </tr>
          </thead>
          <tbody>
            {fitting.slice(0, limit).map((step) => (
              <Row key={step.name} step={step} />
            ))}
          </tbody>
        </table>
      </div>
      {fitting.length > limit && (
        <p class="in-panel">
          <button type="button" class="button small" onClick={() => setLimit(limit * 10)}>
            {fitting.length - limit} more
          </button>
        </p>
      )}
    </>
  )
}

function Row({ step }: { step: WireStep }) {
  return (
    <tr data-row="">
      <th scope="row" class="name">
        {step.job === null ? step.name : <a href={to('jobs', step.job)}>{step.name}</a>}
        {step.mayFail && <span class="badge">may fail</span>}
      </th>
      <td>
        <StateMark state={step.state} />
      </td>
      <td class="name wide-only soft">
        {step.after.slice(0, 6).join(', ')}
        {step.after.length > 6 && ` and ${step.after.length - 6} others`}
      </td>
      <td class="wide-only">
        <Stamp at={step.endedAt} />
      </td>
      <td class="full clip-cell">
        {step.error !== null && (
          <span
            class={`clip ${step.state === 'skipped' ? 'soft' : 'bad'}`}
            title={step.error.message}
          >
            {step.error.message || step.error.kind}
          </span>
        )}
      </td>
    </tr>
  )
}
