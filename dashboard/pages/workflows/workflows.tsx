import type { WireWorkflowRow } from '../../../src/http/wire.ts'
import { findWorkflows } from '../../api/workflows.ts'
import { Ago } from '../../components/ago.tsx'
import { Meter } from '../../components/meter.tsx'
import { Pager } from '../../components/pager.tsx'
import { Empty, Panel } from '../../components/panel.tsx'
import { StateMark } from '../../components/state-mark.tsx'
import { TextFilter } from '../../components/text-filter.tsx'
import { useLoad } from '../../loading.ts'
import { hrefWith, query, setQuery, to } from '../../router.ts'
import { spanText } from '../../time.ts'
import type { PageProps } from '../page-props.ts'
import { WorkflowPage } from './workflow.tsx'

/** How far, and where is it stuck? */
export default function Workflows({ parts: [id] }: PageProps) {
  return id === undefined ? <WorkflowList /> : <WorkflowPage key={id} id={id} />
}

const STATES = ['running', 'failed', 'succeeded', 'cancelled'] as const

function WorkflowList() {
  const params = query.value
  const wanted = {
    name: params.get('name'),
    state: params.get('state'),
    cursor: params.get('cursor'),
  }
  const state = useLoad(JSON.stringify(wanted), (signal) => findWorkflows(wanted, signal), 5_000)
  return (
    <>
      <div class="head">
        <h1>Workflows</h1>
        <TextFilter
          value={wanted.name ?? ''}
          label="Whole name of a workflow"
          onChange={(name) => setQuery({ name, cursor: null })}
        />
        <nav class="tabs" aria-label="State">
          {[null, ...STATES].map((one) => (
            <a
              key={one}
              href={hrefWith({ state: one, cursor: null })}
              aria-current={wanted.state === one ? 'true' : undefined}
            >
              {one ?? 'all'}
            </a>
          ))}
        </nav>
      </div>
      <Panel
        state={state}
        again={state.reload}
        rows={6}
        isEmpty={({ items }) => items.length === 0}
        empty={
          (wanted.name ?? wanted.state) === null ? (
            <Empty
              title="No workflow yet"
              command={`const flow = workflow('import')\nconst fetched = flow.step('fetch', fetchFile.job)\nflow.step('load', loadRows.job, { after: [fetched] })\nawait chancy.push(flow)`}
              what="Example"
            >
              A graph of jobs: what runs when, and what becomes of a failure.
            </Empty>
          ) : (
            <Empty title="No workflow fits">
              <a href={to('workflows')}>All workflows</a>
            </Empty>
          )
        }
      >
        {({ items }) => <Table workflows={items} />}
      </Panel>
      <Pager next={state.data?.next ?? null} />
    </>
  )
}

function Table({ workflows }: { workflows: readonly WireWorkflowRow[] }) {
  return (
    <div class="scroll">
      <table class="cards">
        <thead>
          <tr>
            <th scope="col">Workflow</th>
            <th scope="col">State</th>
            <th scope="col" class="num">
              Steps
            </th>
            <th scope="col" class="num">
              Failed
            </th>
            <th scope="col">Pushed</th>
            <th scope="col" class="num">
              Took
            </th>
            <th scope="col">Why</th>
          </tr>
        </thead>
        <tbody>
          {workflows.map((one) => {
            const { counts } = one
            const all = Object.values(counts).reduce((sum, count) => sum + count, 0)
            const over = all - counts.waiting - counts.open
            return (
              <tr key={one.id} data-row="">
                <th scope="row" class="full">
                  <a class="name" href={to('workflows', one.id)} title={one.id}>
                    {one.name}
                  </a>
                  <span class="soft name">
                    {' '}
                    {one.uniqueKey ?? <code>{one.id.slice(0, 13)}…</code>}
                  </span>
                </th>
                <td>
                  <StateMark state={one.state} />
                  {one.stopping !== null && one.state === 'running' && (
                    <span class="warn"> stopping: {one.stopping}</span>
                  )}
                </td>
                <td class="num">
                  {over}/{all}{' '}
                  <Meter
                    part={over}
                    of={all}
                    tone={counts.failed > 0 ? 'bad' : one.state === 'succeeded' ? 'good' : ''}
                  />
                </td>
                <td class={`num ${counts.failed === 0 ? 'wide-only' : ''}`} data-label="failed">
                  {counts.failed === 0 ? (
                    <span class="soft">0</span>
                  ) : (
                    <span class="bad">{counts.failed}</span>
                  )}
                </td>
                <td class="when">
                  <Ago at={one.createdAt} />
                </td>
                <td class="num wide-only">
                  {one.finishedAt === null
                    ? ''
                    : spanText(Date.parse(one.finishedAt) - Date.parse(one.createdAt))}
                </td>
                <td class="full clip-cell">
                  {one.failure !== null && (
                    <span class="clip bad" title={one.failure.message}>
                      {one.failure.step !== null && `${one.failure.step}: `}
                      {one.failure.message || one.failure.kind}
                    </span>
                  )}
                </td>
              </tr>
            )
          })}
        </tbody>
      </table>
    </div>
  )
}
