import { setTimeout as sleep } from 'node:timers/promises'
import { type Chancy, isChancyError } from 'chancy'
import type { Chance } from '../../support/seed.ts'

/** What came too late, or to what another action did at that moment: an answer, and no fault. */
const ANSWERS = ['JOB_STATE_CONFLICT', 'JOB_NOT_FOUND', 'WORKFLOW_NOT_FOUND']
/** What says that the server was away, or the connection lost. */
const OUTAGES = ['DATABASE_UNREACHABLE', 'DATABASE_DEADLINE', 'OUTCOME_UNKNOWN']

export interface ActionsOptions {
  readonly chancy: Chancy
  readonly luck: Chance
  /** Rows of a statement, also when the server is away at first. */
  readonly rows: <Row>(text: string) => Promise<Row[]>
  readonly isOver: () => boolean
  /** How long to wait between two actions, in milliseconds, on average. */
  readonly everyMs: number
}

export interface ActionFigures {
  cancels: number
  retries: number
  /** Actions that got no answer, since the server was away. */
  unanswered: number
  readonly problems: string[]
}

/** Cancels workflows and steps, and retries workflows that failed, until it is over. */
export async function act(options: ActionsOptions): Promise<ActionFigures> {
  const { luck, isOver, everyMs } = options
  const figures: ActionFigures = { cancels: 0, retries: 0, unanswered: 0, problems: [] }
  while (!isOver()) {
    await sleep(luck.between(0, everyMs * 2))
    try {
      await actOnce(options, figures)
    } catch (error) {
      const fate = isChancyError(error) ? fateOf(error.code, error.details.sqlState) : 'problem'
      if (fate === 'problem') figures.problems.push(`an action was refused: ${error}`)
      if (fate === 'outage') figures.unanswered++
    }
  }
  return figures
}

async function actOnce(
  { chancy, luck, rows }: ActionsOptions,
  figures: ActionFigures,
): Promise<void> {
  const one = async (of: string): Promise<string | null> =>
    (await rows<{ id: string }>(`${of} ORDER BY random() LIMIT 1`))[0]?.id ?? null
  const kind = luck.next()
  if (kind < 0.6) {
    const ofFlow = 'SELECT w.id FROM SCHEMA.workflows w WHERE w.finished_at IS NULL'
    const ofStep = 'SELECT j.id FROM (SELECT id FROM SCHEMA.jobs LIMIT 2000) j'
    const id = await one(kind < 0.1 ? ofFlow : ofStep)
    if (id === null) return
    figures.cancels++
    await (kind < 0.1 ? chancy.cancelWorkflow(id) : chancy.cancel(id))
  } else {
    const id = await one('SELECT w.id FROM SCHEMA.workflows w WHERE w.bad > 0')
    if (id === null) return
    figures.retries++
    await chancy.retryWorkflow(id)
  }
}

function fateOf(code: string, sqlState: unknown): 'answer' | 'outage' | 'problem' {
  if (ANSWERS.includes(code)) return 'answer'
  if (OUTAGES.includes(code)) return 'outage'
  // Class 57: the server is stopping or starting; 08: the connection was lost.
  const isOfOutage = typeof sqlState === 'string' && /^(57|08)/.test(sqlState)
  return code === 'DATABASE_FAILED' && isOfOutage ? 'outage' : 'problem'
}
