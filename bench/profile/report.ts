import { shown } from '../support/stats.ts'
import { table } from '../support/table.ts'
import type { CpuProfile } from './cpu-profile.ts'
import { KINDS } from './kinds.ts'
import type { Cost } from './meter.ts'
import { ABOUT, type Costs, PHASES } from './phases.ts'
import { OWNERS } from './server-processes.ts'
import type { ServerStatement } from './server-statements.ts'

/** Functions of the profile that are shown. */
const TOP = 25
/** Statements that are shown. */
const STATEMENTS = 12
const TEXT_WIDTH = 72

type Row = readonly [what: string, of: (cost: Cost) => number]

const perJobUs =
  (of: (cost: Cost) => number) =>
  (cost: Cost): number =>
    (of(cost) / cost.jobs) * 1_000

const ROWS: readonly Row[] = [
  ['wall clock', perJobUs(({ wallMs }) => wallMs)],
  ['client: processor', perJobUs(({ clientMs }) => clientMs)],
  ['client: event loop busy', perJobUs(({ loopMs }) => loopMs)],
  ['server: processor', perJobUs(serverMs)],
  ...OWNERS.map(
    (owner): Row => [
      `  ${owner}`,
      perJobUs(({ serverMs }) => (serverMs === null ? Number.NaN : serverMs[owner])),
    ],
  ),
  ['client waits for: (overlapping)', perJobUs(({ answeredMs }) => sum(Object.values(answeredMs)))],
  ...KINDS.map((kind): Row => [`  ${kind}`, perJobUs(({ answeredMs }) => answeredMs[kind])]),
]

/** Where the time of one job goes: a row a cost, a column a phase. */
export function phaseTable(costs: Costs): string {
  const cells = (of: (cost: Cost) => number, digits: number): string[] =>
    PHASES.map((phase) => {
      const value = of(costs[phase])
      return value === 0 ? '–' : shown(value, digits)
    })
  const rows = ROWS.map(([what, of]) => [what, ...cells(of, 1)])
  rows.push(['statements in 1,000 jobs', ...cells(statements, 1)])
  rows.push(['log written, bytes', ...cells(({ walBytes, jobs }) => walBytes / jobs, 0)])
  rows.push(['jobs measured', ...cells(({ jobs }) => jobs, 0)])
  const about = PHASES.map((phase) => `  ${phase}: ${ABOUT[phase]}`)
  return [table(['microseconds a job', ...PHASES], rows), ...about].join('\n')
}

export function statementTable(all: readonly ServerStatement[], jobs: number): string {
  const heads = ['statement, in 1,000 jobs; inner ones belong to what was sent', 'calls', 'µs/job']
  heads.push('log B/job', 'pages hit', 'read', 'dirtied')
  const rows = all.slice(0, STATEMENTS).map((one) => [
    // The schema's name is noise here.
    `${one.isSent ? '' : '  '}${one.text.replaceAll(/"\w+"\./g, '')}`.slice(0, TEXT_WIDTH),
    shown((one.calls / jobs) * 1_000, 1),
    shown((one.ms / jobs) * 1_000, 2),
    shown(one.walBytes / jobs),
    shown((one.pagesHit / jobs) * 1_000),
    shown((one.pagesRead / jobs) * 1_000, 1),
    shown((one.pagesDirtied / jobs) * 1_000, 1),
  ])
  return table(heads, rows)
}

export function profileTable(what: string, profile: CpuProfile, jobs: number): string {
  const total = sum(profile.owners.map(({ us }) => us))
  const cells = (us: number): string[] => [shown(us / jobs, 2), `${shown((us / total) * 100, 1)} %`]
  const owners = profile.owners.map(({ where, us }) => [where, ...cells(us)])
  const functions = profile.functions
    .slice(0, TOP)
    .map(({ where, name, us }) => [`${where} ${name}`, ...cells(us)])
  return [
    table([`${what}: whose code the client runs`, 'µs/job', 'share'], owners),
    '',
    table([`${what}: functions of chancy, without what they call`, 'µs/job', 'share'], functions),
  ].join('\n')
}

function serverMs(cost: Cost): number {
  return cost.serverMs === null ? Number.NaN : sum(Object.values(cost.serverMs))
}

function statements({ statements: counts, jobs }: Cost): number {
  return (sum(Object.values(counts)) / jobs) * 1_000
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0)
}
