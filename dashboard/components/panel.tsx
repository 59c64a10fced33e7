import type { ComponentChildren } from 'preact'
import { useErrorBoundary } from 'preact/hooks'
import { type ApiProblem, asProblem } from '../api/problem.ts'
import { reload } from '../live.ts'
import { agoText, now } from '../time.ts'
import { Stamp } from './ago.tsx'
import { Command } from './copy.tsx'
import { Icon } from './icon.tsx'

/** What a panel is drawn from: the state of a topic, or an answer. */
export interface PanelState<T> {
  readonly data: T | null
  readonly at: number | null
  readonly problem: ApiProblem | null
}

/**
 * One part of a page. While nothing is known it has a skeleton; a fault is shown in it, with the last data below in
 * grey, and the other panels stay as they are.
 */
export function Panel<T>(props: {
  title?: ComponentChildren
  id?: string
  end?: ComponentChildren
  state: PanelState<T>
  isEmpty?: (data: T) => boolean
  empty?: ComponentChildren
  rows?: number
  again?: (() => void) | undefined
  children: (data: T) => ComponentChildren
}) {
  const { state, title } = props
  const { data, problem } = state
  const isEmpty = data !== null && props.isEmpty?.(data) === true
  const [fault, recover] = useErrorBoundary()
  // The banner above the page says what is wrong.
  const isLost = data !== null && state.at !== null && problem?.isOfPage === true
  return (
    <section
      class={`panel ${problem !== null ? 'stale' : ''}`}
      aria-label={labelOf(title)}
      id={props.id}
    >
      {title !== undefined && (
        <header>
          <h2>{title}</h2>
          {props.end !== undefined && <div class="end">{props.end}</div>}
        </header>
      )}
      {isLost ? (
        <p class="old soft">
          <Icon name="warning" /> As of <Stamp at={new Date(state.at ?? 0).toISOString()} />,{' '}
          {agoText(state.at ?? 0)}
        </p>
      ) : (
        problem !== null && (
          <Fault
            problem={problem}
            at={data === null ? null : state.at}
            again={props.again ?? reload}
          />
        )
      )}
      {data === null && problem === null && <Bones rows={props.rows ?? 4} />}
      {fault === undefined
        ? data !== null && (isEmpty ? props.empty : <Body data={data} draw={props.children} />)
        : data !== null && <Fault problem={asProblem(fault)} again={recover} />}
    </section>
  )
}

/** What it throws is caught by its panel, and the other panels live on. */
function Body<T>(props: { data: T; draw: (data: T) => ComponentChildren }) {
  return <>{props.draw(props.data)}</>
}

const labelOf = (title: ComponentChildren): string | undefined =>
  typeof title === 'string' ? title : undefined

/** The last known shape, in bars. It appears after 150 ms. */
export function Bones({ rows }: { rows: number }) {
  return (
    <div class="bones" role="status">
      <span class="unseen">Loading</span>
      {Array.from({ length: rows }, (_, at) => (
        <i key={String(at)} />
      ))}
    </div>
  )
}

/** What is wrong, what to do, and the id under which the log of the server has it. */
export function Fault(props: { problem: ApiProblem; at?: number | null; again?: () => void }) {
  const { problem, at } = props
  void now.value
  return (
    <div class="message" role="alert">
      <Icon name="warning" class="bad" />
      <div>
        <p>
          <strong>{problem.message}</strong>
        </p>
        {problem.detail !== '' && problem.detail !== problem.message && <p>{problem.detail}</p>}
        <p class="soft">
          {adviceOf(problem)}
          {at != null && ` What is shown is from ${agoText(at)}.`}
          {problem.requestId !== null && (
            <>
              {' '}
              Request <code>{problem.requestId}</code>.
            </>
          )}
        </p>
        {props.again !== undefined && problem.code !== 'ACCESS_DENIED' && (
          <div class="acts">
            <button type="button" class="button small" onClick={props.again}>
              <Icon name="again" /> Try again
            </button>
          </div>
        )}
      </div>
    </div>
  )
}

function adviceOf({ code, status, retryAfterS }: ApiProblem): string {
  if (code === 'QUERY_TOO_SLOW') return 'Add a term with an index: a queue, a state, or a time.'
  if (code === 'BUSY' || status === 429)
    return `The server limits its reads.${retryAfterS === null ? '' : ` Wait ${retryAfterS} s.`}`
  if (code === 'DATABASE_UNREACHABLE') return 'The page continues when the database is back.'
  if (code === 'ACCESS_DENIED') return 'Your role does not include this.'
  if (code === 'PLUGIN_MISSING') return 'Add the plugin to the application that serves this page.'
  return ''
}

/** Why there is nothing, and what to do next. */
export function Empty(props: {
  title: ComponentChildren
  children?: ComponentChildren
  command?: string | undefined
  what?: string
}) {
  return (
    <div class="message">
      <Icon name="info" class="still" />
      <div>
        <p>
          <strong>{props.title}</strong>
        </p>
        {props.children !== undefined && <p class="soft">{props.children}</p>}
        {props.command !== undefined && (
          <Command text={props.command} what={props.what ?? 'Command'} />
        )}
      </div>
    </div>
  )
}
