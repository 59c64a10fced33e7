import { useEffect } from 'preact/hooks'
import type { WireWorkflow } from '../../../src/http/wire.ts'
import { act } from '../../acting.ts'
import { actOnWorkflow, getWorkflow } from '../../api/workflows.ts'
import { Ago, Stamp } from '../../components/ago.tsx'
import { ActionButton } from '../../components/button.tsx'
import { CopyButton } from '../../components/copy.tsx'
import { closeDialog, openDialog } from '../../components/dialog.tsx'
import { Graph } from '../../components/graph.tsx'
import { JsonTree, readJson } from '../../components/json-tree.tsx'
import { Panel } from '../../components/panel.tsx'
import { ReasonDialog } from '../../components/reason-dialog.tsx'
import { StateMark } from '../../components/state-mark.tsx'
import { useKeys } from '../../keys.ts'
import { reload, useTopic } from '../../live.ts'
import { useLoad } from '../../loading.ts'
import { plural } from '../../numbers.ts'
import { hrefWith, query, setQuery, to } from '../../router.ts'
import { NoSuch } from '../no-such.tsx'
import { foldedGraph } from './folded-graph.ts'
import { StepTable } from './step-table.tsx'

const ENDED = ['succeeded', 'failed', 'cancelled']

/** One workflow: its graph, and the same as a list. */
export function WorkflowPage({ id }: { id: string }) {
  const first = useLoad(`workflow ${id}`, (signal) => getWorkflow(id, signal))
  const isOver = first.data !== null && ENDED.includes(first.data.state)
  const live = useTopic(isOver ? null : `workflow:${id}`)
  const flow = isOver ? first.data : (live.data ?? first.data)
  // On a narrow screen the list is what is read; the graph is there when it is asked for.
  const view = query.value.get('view') ?? (matchMedia('(width < 600px)').matches ? 'list' : 'graph')
  useEffect(() => {
    if (live.data !== null && ENDED.includes(live.data.state) && !isOver) first.reload()
  }, [live.data?.state])
  useKeys(
    () => [
      {
        keys: 'l',
        says: 'graph or list',
        of: 'This page',
        run: () => setQuery({ view: view === 'list' ? 'graph' : 'list' }),
      },
    ],
    [view],
  )
  const state = { data: flow, at: first.at, problem: flow === null ? first.problem : live.problem }
  if (first.problem?.status === 404 && first.data === null)
    return (
      <NoSuch what="workflow" name={id} list={to('workflows')}>
        It was removed with its last job, or never pushed.
      </NoSuch>
    )
  return (
    <>
      <p class="crumb">
        <a href={to('workflows')}>Workflows</a>
      </p>
      <div class="head">
        {flow !== null && <StateMark state={flow.state} />}
        <h1>{flow?.name ?? 'Workflow'}</h1>
        <span class="id">
          <code>{id}</code>
          <CopyButton text={id} what="Id" />
        </span>
        {flow !== null && <Acts flow={flow} after={first.reload} />}
      </div>
      <Panel
        title={flow === null ? 'Steps' : plural(flow.steps.length, 'step')}
        state={state}
        again={first.reload}
        rows={8}
        end={
          <nav class="tabs" aria-label="View">
            {['graph', 'list'].map((one) => (
              <a
                key={one}
                href={hrefWith({ view: one })}
                aria-current={view === one ? 'true' : undefined}
              >
                {one}
              </a>
            ))}
          </nav>
        }
      >
        {(found) => (
          <>
            <Summary flow={found} />
            {view === 'graph' && <Graph label={`Graph of ${found.name}`} {...foldedGraph(found)} />}
            <StepTable flow={found} />
          </>
        )}
      </Panel>
      {flow?.output != null && (
        <section class="panel" aria-label="Output">
          <header>
            <h2>Output</h2>
          </header>
          <div class="body">
            <JsonTree node={readJson(flow.output.json)} />
          </div>
        </section>
      )}
    </>
  )
}

function Summary({ flow }: { flow: WireWorkflow }) {
  return (
    <p class="body soft">
      Pushed <Ago at={flow.createdAt} />
      {flow.finishedAt !== null && (
        <>
          , ended <Stamp at={flow.finishedAt} />
        </>
      )}
      {flow.deadlineAt !== null && (
        <>
          , deadline <Stamp at={flow.deadlineAt} />
        </>
      )}
      {flow.failure !== null && (
        <span class="line bad">
          {flow.failure.step !== null && <b>{flow.failure.step}: </b>}
          {flow.failure.message || flow.failure.kind}
        </span>
      )}
    </p>
  )
}

function Acts({ flow, after }: { flow: WireWorkflow; after: () => void }) {
  const done = () => {
    after()
    reload()
  }
  const isOver = ENDED.includes(flow.state)
  return (
    <div class="acts">
      {(flow.state === 'failed' || flow.state === 'cancelled') && (
        <ActionButton
          verb="workflows.act"
          icon="again"
          tone="main"
          keys="t"
          says="retry what failed"
          onRun={() =>
            void act({
              run: () => actOnWorkflow(flow.id, 'retry'),
              done: ({ steps }) =>
                `${flow.name} continues${steps === null ? '' : `: ${plural(steps, 'step')} open again`}`,
              undo: () => () => actOnWorkflow(flow.id, 'cancel'),
              after: done,
            })
          }
        >
          Retry failed
        </ActionButton>
      )}
      {!isOver && (
        <ActionButton
          verb="workflows.act"
          icon="slash"
          keys="c"
          says="cancel"
          onRun={() =>
            openDialog(() => (
              <ReasonDialog
                title={`Cancel ${flow.name}`}
                text={`${plural(flow.steps.filter(({ endedAt }) => endedAt === null).length, 'step')} have not ended: those that wait are cancelled, those that run are asked to stop. A retry continues it.`}
                confirm="Cancel the workflow"
                isDanger
                onConfirm={() => {
                  closeDialog()
                  void act({
                    run: () => actOnWorkflow(flow.id, 'cancel'),
                    done: () => `${flow.name} is cancelled`,
                    undo: () => () => actOnWorkflow(flow.id, 'retry'),
                    after: done,
                  })
                }}
              />
            ))
          }
        >
          Cancel…
        </ActionButton>
      )}
    </div>
  )
}
