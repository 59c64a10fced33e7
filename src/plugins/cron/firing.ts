import { loggedError } from '../../database/logged-error.ts'
import { classify, isAboutRow, isConnectionLoss, sqlStateOf } from '../../database/sql-state.ts'
import type { PassContext, PluginContext } from '../../plugin/access/plugin-access.ts'
import { breakRow } from './broken.ts'
import { cancelReplaced } from './cancelling.ts'
import { planFiring } from './catch-up.ts'
import { engineRun } from './engine-run.ts'
import { HeldKeys } from './held-keys.ts'
import { readPolicy } from './policy.ts'
import { type DueAnswer, type DueRow, type FirePlan, findDue, fire } from './statements/firing.ts'
import { readTiming } from './stored-timing.ts'

/** The other workers fire what has been due for so long, in milliseconds: the leader is dead, or hangs. */
const BEHIND_MS = 2_000
/** How often another worker searches at most, and how long any worker sleeps at most, in milliseconds. */
const [MIN_STANDBY_MS, MAX_WAIT_MS] = [2_000, 5_000]
/** How many schedules are read together, and how many ticks are pushed in one statement. */
const [BATCH, MAX_TICKS] = [500, 1_000]
/** How long a firing waits for a lock, and how soon what was passed over is tried again, in milliseconds. */
const [LOCK_MS, RETRY_MS] = [250, 250]
/** How many schedules a line of the log names. */
const NAMED = 10
/** How long it waits once it is known that a lock is held, and for how many schedules of one pass. */
const [HELD_LOCK_MS, MAX_HELD] = [20, 10]

/**
 * One pass of a worker: fires what is due and returns how long to sleep. The leader acts when a schedule is due, the
 * others behind it. Any number of workers may fire concurrently: a row moves once, and a tick has one row.
 */
export async function firePass(context: PassContext): Promise<number> {
  try {
    return await new Firing(context).pass()
  } catch (error) {
    // The wait after a failed pass grows to a minute; an outage is waited for with a steady one.
    if (!isConnectionLoss(error)) throw error
    context.log.debug(loggedError(error), 'schedules are not fired, the database cannot be reached')
    return RETRY_MS + Math.random() * BEHIND_MS
  }
}

type Found = DueAnswer & (DueRow | { readonly [Name in keyof DueRow]: null })

class Firing {
  readonly #context: PassContext
  readonly #isLeader: boolean
  readonly #held: HeldKeys
  /** Whether a row was passed over. */
  #isStuck = false

  constructor(context: PassContext) {
    this.#context = context
    this.#isLeader = context.isLeader
    this.#held = HeldKeys.of(context.database)
  }

  async pass(): Promise<number> {
    const { database, signal } = this.#context
    const behindMs = this.#isLeader ? 0 : BEHIND_MS
    const held: FirePlan[] = []
    let last: DueRow | null = null
    // Those that come due during the pass are for the next one, or the pass might never end.
    let untilMs: number | null = null
    for (;;) {
      const values = [behindMs, last?.due_ms ?? null, last?.key ?? null, BATCH, untilMs] as const
      const found: Found[] = await database.run(findDue, values)
      const [answer] = found
      untilMs ??= answer?.until_ms ?? null
      const rows = found.filter((row): row is DueAnswer & DueRow => row.key !== null)
      last = rows.at(-1) ?? null
      if (answer === undefined || last === null || signal.aborted) {
        await this.#fireHeld(held)
        if (answer?.has_to_cancel === true) await cancelReplaced(this.#context)
        return this.#wait(answer)
      }
      const free: FirePlan[] = []
      const plans = await this.#plan(rows, answer.now_ms)
      for (const plan of plans) (this.#held.has(plan.key) ? held : free).push(plan)
      const startedAt = this.#context.clock.monotonic()
      for (const group of inStatements(free)) await this.#fire(group, LOCK_MS)
      const isAll = rows.length < BATCH && held.length === 0 && !this.#isStuck
      // What is left of the answer is known, unless a job was replaced by its successor.
      if (isAll && !answer.has_to_cancel && !rows.some(isReplacing)) {
        const tookMs = this.#context.clock.monotonic() - startedAt
        return this.#wait({ ...answer, wait_ms: nextWait(answer, plans, tookMs) })
      }
    }
  }

  /** One at a time: those that are free again are fired, and of the others the next pass tries the next ones. */
  async #fireHeld(due: readonly FirePlan[]): Promise<void> {
    let tries = 0
    for (const plan of this.#held.inOrder(due)) {
      if (tries === MAX_HELD || this.#context.signal.aborted) break
      this.#held.delete(plan.key)
      await this.#fire([plan], HELD_LOCK_MS)
      if (this.#held.has(plan.key)) tries++
    }
    if (tries > 0) this.#isStuck = true
  }

  #wait(answer: DueAnswer | undefined): number {
    const least = this.#isLeader ? 0 : MIN_STANDBY_MS
    const dueMs = Math.max(least, Math.ceil(answer?.wait_ms ?? MAX_WAIT_MS))
    return Math.min(dueMs, MAX_WAIT_MS, this.#isStuck ? RETRY_MS : MAX_WAIT_MS)
  }

  /** What cannot be read breaks its own schedule. */
  async #plan(rows: readonly DueRow[], nowMs: number): Promise<FirePlan[]> {
    const plans: FirePlan[] = []
    for (const row of rows) {
      try {
        plans.push(planOf(row, nowMs))
      } catch (error) {
        await breakRow(this.#context, row, error)
      }
    }
    return plans
  }

  /** A statement that is refused is halved until the schedule that it is refused for is alone. */
  async #fire(plans: readonly FirePlan[], lockMs: number): Promise<void> {
    try {
      const { database } = this.#context
      const fired = await engineRun(database, fire, [JSON.stringify(plans), lockMs])
      const moved = publish(this.#context, plans, fired)
      if (moved < plans.length) this.#isStuck = true
    } catch (error) {
      const isOfRow = isAboutRow(error) || isTooLarge(error)
      if (!isOfRow && !isLock(error)) throw error
      const [only] = plans
      if (plans.length > 1) {
        const middle = Math.ceil(plans.length / 2)
        await this.#fire(plans.slice(0, middle), HELD_LOCK_MS)
        await this.#fire(plans.slice(middle), HELD_LOCK_MS)
      } else if (only !== undefined) {
        if (isOfRow) await breakRow(this.#context, only, error)
        else this.#held.add(only.key)
        this.#isStuck = !isOfRow || this.#isStuck
      }
    }
  }
}

/** Whether the schedule may leave a job to be cancelled: one that cannot be read was set aside before. */
const isReplacing = ({ policy }: DueRow): boolean => policy.includes('"replace"')

/**
 * How long until the next one is due, of those that were not due before and those that were fired: the statement that
 * says so would be the third of each tick.
 */
function nextWait(
  { wait_ms, until_ms }: DueAnswer,
  fired: readonly FirePlan[],
  tookMs: number,
): number | null {
  const waits = fired.flatMap(({ due_ms }) => (due_ms === null ? [] : [due_ms - until_ms]))
  if (wait_ms !== null) waits.push(wait_ms)
  return waits.length === 0 ? null : Math.min(...waits) - tookMs
}

function planOf(row: DueRow, nowMs: number): FirePlan {
  const timing = readTiming(JSON.parse(row.timing))
  const { catchUp, jitter } = readPolicy(JSON.parse(row.policy))
  const { key, version, next_ms } = row
  const nextAt = new Date(next_ms)
  const now = new Date(nowMs)
  const { fire, missed, next } = planFiring({ key, timing, catchUp, jitterMs: jitter, nextAt, now })
  const passed = [...fire.map(Number), missed === null ? 0 : Number(missed.to)]
  return {
    key,
    version,
    seen_ms: next_ms,
    next_ms: next?.at.getTime() ?? null,
    due_ms: next?.dueAt.getTime() ?? null,
    passed_ms: Math.max(...passed) || null,
    fire: fire.map(Number),
    missed: missed?.count ?? 0,
    missed_from_ms: missed?.from.getTime() ?? null,
    missed_to_ms: missed?.to.getTime() ?? null,
  }
}

/** Says what was fired. Returns how many schedules were moved. */
function publish(
  { emit, log }: PluginContext,
  plans: readonly FirePlan[],
  fired: readonly {
    key: string
    at_ms: number | null
    job: string | null
    holder: string | null
  }[],
): number {
  const moved = new Set<string>()
  for (const { key, at_ms, job, holder } of fired) {
    if (at_ms === null) moved.add(key)
    else if (job !== null) emit('cron.fired', { key, at: new Date(Math.round(at_ms)), job })
    else emit('cron.skipped', { key, at: new Date(Math.round(at_ms)), holder: holder ?? '' })
  }
  const late = plans.filter(({ key, missed }) => missed > 0 && moved.has(key))
  for (const { key, missed, missed_from_ms, missed_to_ms } of late) {
    const [from, to] = [new Date(missed_from_ms ?? 0), new Date(missed_to_ms ?? 0)]
    emit('cron.missed', { key, count: missed, from, to })
  }
  // One line, since an outage is of all schedules.
  if (late.length > 0) {
    const ticks = late.reduce((sum, { missed }) => sum + missed, 0)
    const keys = late.slice(0, NAMED).map(({ key }) => key)
    log.warn({ ticks, schedules: late.length, keys }, 'ticks of schedules were missed')
  }
  return moved.size
}

/** In their order, so that no statement pushes too many jobs. */
function inStatements(plans: readonly FirePlan[]): FirePlan[][] {
  const statements: FirePlan[][] = []
  let ticks = 0
  for (const plan of plans) {
    const group = statements.at(-1)
    ticks += Math.max(1, plan.fire.length)
    if (group !== undefined && ticks <= MAX_TICKS) group.push(plan)
    else {
      statements.push([plan])
      ticks = Math.max(1, plan.fire.length)
    }
  }
  return statements
}

/** A value that no index takes, such as a key of a hand-written job. */
function isTooLarge(error: unknown): boolean {
  return sqlStateOf(error)?.startsWith('54') === true
}

/** A lock that an open transaction holds, or a deadlock: only the schedules that need it wait. */
function isLock(error: unknown): boolean {
  return classify(error) === 'transient' && !isConnectionLoss(error)
}
