import type { ComponentType } from 'preact'
import { useEffect, useErrorBoundary, useState } from 'preact/hooks'
import { asProblem } from '../api/problem.ts'
import { Bones, Empty, Fault } from '../components/panel.tsx'
import { PAGES } from '../page-list.ts'
import { segments, to } from '../router.ts'
import { may, pageProblem, session } from '../session.ts'
import type { PageProps } from './page-props.ts'
import { ForbiddenPage, LostBanner, WholePage } from './whole-page.tsx'

type Loader = () => Promise<{ readonly default: ComponentType<PageProps> }>

/** A page is loaded when it is first shown. */
const LOADERS: Readonly<Record<string, Loader>> = {
  '': () => import('./overview/overview.tsx'),
  queues: () => import('./queues/queues.tsx'),
  jobs: () => import('./jobs/jobs.tsx'),
  failures: () => import('./failures/failures.tsx'),
  workers: () => import('./workers/workers.tsx'),
  workflows: () => import('./workflows/workflows.tsx'),
  schedules: () => import('./schedules/schedules.tsx'),
  groups: () => import('./groups/groups.tsx'),
  charts: () => import('./charts/charts.tsx'),
  actions: () => import('./actions/actions.tsx'),
}

const loaded = new Map<string, ComponentType<PageProps>>()

export function PageView() {
  const [name = '', ...parts] = segments.value
  const entry = PAGES.find(({ part }) => part === name)
  const problem = pageProblem.value
  if (problem !== null && (session.value === null || problem.code !== 'SERVER_LOST'))
    return <WholePage problem={problem} />
  if (session.value === null) return <Bones rows={6} />
  if (entry === undefined) return <NoPage />
  if (!may(entry.verb)) return <ForbiddenPage entry={entry} />
  return (
    <>
      {problem !== null && <LostBanner />}
      <Loaded key={name} name={name} parts={parts} />
    </>
  )
}

function Loaded({ name, parts }: { name: string; parts: readonly string[] }) {
  const [state, setState] = useState<{ fault: unknown; round: number }>({ fault: null, round: 0 })
  const View = loaded.get(name)
  const [broken] = useErrorBoundary()
  useEffect(() => {
    if (loaded.has(name)) return
    LOADERS[name]!().then(
      (page) => {
        loaded.set(name, page.default)
        setState({ fault: null, round: state.round + 1 })
      },
      (fault: unknown) => setState({ ...state, fault }),
    )
  }, [name, state.round])
  if (broken !== undefined)
    return <Fault problem={asProblem(broken)} again={() => location.reload()} />
  if (View !== undefined) return <View parts={parts} />
  if (state.fault === null) return <Bones rows={6} />
  // Another release was deployed: its files have other names.
  return <Fault problem={asProblem(state.fault)} again={() => location.reload()} />
}

function NoPage() {
  return (
    <section class="panel">
      <h1 class="unseen">Not found</h1>
      <Empty title="There is no such page">
        The address may be misspelt. <a href={to()}>Overview</a>
      </Empty>
    </section>
  )
}
