import { ConfigError } from '../core/errors.ts'
import type { Database } from './database.ts'
import type { Session } from './driver.ts'
import type { LaterStep, OutsideStep } from './migrations/migration.ts'
import { retrying } from './retry.ts'
import * as sql from './statements/migrations.ts'

/**
 * The steps of a migration that do not run in its transaction. The migrator's transaction stays open meanwhile and
 * holds nothing but the lock that keeps other migrators away: CREATE INDEX CONCURRENTLY waits for transactions with
 * a snapshot, and it has none meanwhile. Where a driver has one session (PGlite, a pool of one), that
 * session itself holds the lock.
 */

/** How long one statement may take: an index on a large table takes hours. */
const OUTSIDE_DEADLINE_MS = 86_400_000
const BATCH_DEADLINE_MS = 120_000
const LOCK_WAIT_MS = 1_000
const PATIENCE_MS = 30_000
const POLL_MS = 100

/** How the migrator knows of a step: by the row of its version. */
export interface StepProgress {
  /** Whether no other migrator has done it since the version was read. */
  readonly isDue: (session: Session) => Promise<boolean>
  /** Records that it is done. Null: on any session. */
  readonly done: (session: Session | null) => Promise<unknown>
}

/** Runs a step, from its beginning when it was interrupted. `lock`: the transaction that holds the lock. */
export async function runLaterStep(
  database: Database,
  step: LaterStep,
  lock: Session | null,
  { isDue, done }: StepProgress,
): Promise<void> {
  if (lock !== null) await stayOpen(database, lock)
  const { names } = database
  if (step.kind === 'batches') {
    await moveBatches(database, await step.up(names))
    await done(lock)
    return
  }
  if (lock !== null && (await isDone(database, step, undefined))) return void (await done(lock))
  const texts = [await step.undo(names), await step.up(names)]
  if (lock !== null) {
    await runTexts(database, undefined, texts)
    await done(lock)
    return
  }
  await whileHeld(database, async (session) => {
    if (!(await isDue(session))) return
    if (!(await isDone(database, step, session))) await runTexts(database, session, texts)
    await done(session)
  })
}

/** Takes away what a step made, or a part of it. */
export async function undoLaterStep(
  database: Database,
  step: LaterStep,
  lock: Session | null,
): Promise<void> {
  if (lock !== null) await stayOpen(database, lock)
  if (step.kind === 'outside') return undoOutside(database, step, lock)
  if (step.down !== undefined) await moveBatches(database, await step.down(database.names))
}

async function stayOpen(database: Database, lock: Session): Promise<void> {
  const options = { session: lock, prepare: false }
  await database.run(sql.stayOpen, [], options)
  await database.run(sql.stayIdle, [], options)
}

async function undoOutside(
  database: Database,
  step: OutsideStep,
  lock: Session | null,
): Promise<void> {
  const texts = [await step.undo(database.names)]
  if (lock !== null) await runTexts(database, undefined, texts)
  else await whileHeld(database, (session) => runTexts(database, session, texts))
}

async function isDone(
  { driver, names }: Database,
  step: OutsideStep,
  session: Session | undefined,
): Promise<boolean> {
  if (step.isDone === undefined) return false
  const query = { text: step.isDone(names), values: [], deadlineMs: BATCH_DEADLINE_MS }
  const [row] = await (session ?? driver).query<{ done?: unknown }>(query)
  return row?.done === true
}

async function runTexts(
  database: Database,
  session: Session | undefined,
  texts: readonly string[],
): Promise<void> {
  for (const text of texts) await database.execute(text, session, OUTSIDE_DEADLINE_MS)
}

/** Where there is one session, it holds the lock, which it did not have since the version was read. */
async function whileHeld(
  database: Database,
  work: (session: Session) => Promise<void>,
): Promise<void> {
  if (database.isPooled) {
    throw new ConfigError(
      'Behind a pooler, a step of a migration outside of its transaction takes two connections, and the pool has one. Migrate with a pool of two or more.',
    )
  }
  const session = await database.driver.reserve()
  let isFree = false
  try {
    const options = { session, prepare: false, deadlineMs: OUTSIDE_DEADLINE_MS }
    let [lock] = await database.run(sql.holdMigrations, [], options)
    while (lock?.locked !== true) {
      await database.clock.sleep(POLL_MS)
      ;[lock] = await database.run(sql.holdMigrations, [], options)
    }
    await work(session)
    await database.run(sql.releaseMigrations, [], options)
    isFree = true
  } finally {
    // With the connection the lock goes too.
    session.release(!isFree)
  }
}

async function moveBatches(database: Database, text: string): Promise<void> {
  let moved = Number.POSITIVE_INFINITY
  while (moved > 0) {
    moved = await retrying(() => moveBatch(database, text), {
      clock: database.clock,
      deadlineMs: PATIENCE_MS,
      // It finds by itself what is left.
      idempotent: true,
    })
  }
}

function moveBatch(database: Database, text: string): Promise<number> {
  return database.driver.transaction(async (session) => {
    const options = { session, prepare: false }
    await database.run(sql.useSafeNames, [], options)
    await database.run(sql.limitLockWait, [String(LOCK_WAIT_MS)], options)
    const query = { text, values: [], deadlineMs: BATCH_DEADLINE_MS }
    const [row] = await session.query<{ moved?: unknown }>(query)
    const moved = Number(row?.moved)
    if (Number.isInteger(moved) && moved >= 0) return moved
    throw new ConfigError(
      `A step of a migration in batches returns one row with the number of rows that it changed as "moved", got ${JSON.stringify(row ?? null)}.`,
    )
  })
}
