import { type Cost, type Meter, noCost } from './meter.ts'
import { MOST_HELD, type ProfileSession } from './profile-session.ts'

/** The phases, in the order they are measured. */
export const PHASES = ['bulk', 'callers', 'claim', 'finish', 'drain', 'lone'] as const
export type Phase = (typeof PHASES)[number]

/** What each of them is, for people. */
export const ABOUT: Readonly<Record<Phase, string>> = {
  bulk: 'pushMany',
  callers: 'push, from 100 callers that each wait for their own',
  claim: 'claimed and started, none of them ends yet',
  finish: 'ended and saved, all of them had started before',
  drain: 'claimed, run and saved, as it is in life',
  lone: 'one after the other: push, and waitForJob',
}

const CALLERS = 100
/** Lone jobs take milliseconds each, so there are fewer; but each connection plans its first few. */
const LONE_SHARE = 0.02
const LEAST_LONE = 200
const MOST_LONE = 1_000

export type Costs = Readonly<Record<Phase, Cost>>

/** Takes every phase once, after a warm-up of all of them that is not counted. */
export async function measurePhases(
  session: ProfileSession,
  meter: Meter,
  jobs: number,
): Promise<Costs> {
  await allPhases(session, meter, Math.ceil(jobs / 5), noCosts())
  const costs = noCosts()
  await allPhases(session, meter, jobs, costs)
  return costs
}

async function allPhases(
  session: ProfileSession,
  meter: Meter,
  jobs: number,
  costs: Costs,
): Promise<void> {
  await meter.measure(costs.bulk, jobs, () => session.fill(jobs))
  await drain(session, jobs, (work) => meter.measure(costs.drain, jobs, work))
  await meter.measure(costs.callers, jobs, () => pushFromCallers(session, jobs))
  await drain(session, jobs)
  await apart(session, meter, jobs, costs)
  await alone(session, meter, loneOf(jobs), costs.lone)
}

/** Runs what is waiting in `default`. */
export async function drain(
  session: ProfileSession,
  jobs: number,
  measured: (work: () => Promise<void>) => Promise<void> = (work) => work(),
): Promise<void> {
  await measured(async () => {
    const saved = session.saved(jobs)
    await session.chancy.resumeQueue('default')
    await saved
  })
  await session.chancy.pauseQueue('default')
}

export async function pushFromCallers(session: ProfileSession, jobs: number): Promise<void> {
  let left = jobs
  const call = async (): Promise<void> => {
    while (left-- > 0) await session.chancy.push(session.empty)
  }
  await Promise.all(Array.from({ length: CALLERS }, call))
}

/** Claims and finishes apart: the jobs start and then wait, all of a batch, until none is missing. */
async function apart(
  session: ProfileSession,
  meter: Meter,
  jobs: number,
  costs: Costs,
): Promise<void> {
  const { chancy, gate } = session
  for (let left = jobs; left > 0; left -= MOST_HELD) {
    const batch = Math.min(left, MOST_HELD)
    await session.fill(batch, session.held)
    gate.shut()
    await meter.measure(costs.claim, batch, async () => {
      await chancy.resumeQueue('held')
      await gate.untilStarted(batch)
    })
    await meter.measure(costs.finish, batch, async () => {
      const saved = session.saved(batch)
      gate.open()
      await saved
    })
    await chancy.pauseQueue('held')
  }
}

async function alone(
  session: ProfileSession,
  meter: Meter,
  jobs: number,
  cost: Cost,
): Promise<void> {
  const { chancy } = session
  await chancy.resumeQueue('default')
  await meter.measure(cost, jobs, async () => {
    for (let n = 0; n < jobs; n++) await chancy.waitForJob(await chancy.push(session.empty))
  })
  await chancy.pauseQueue('default')
}

function loneOf(jobs: number): number {
  return Math.min(MOST_LONE, Math.max(LEAST_LONE, Math.ceil(jobs * LONE_SHARE)))
}

function noCosts(): Costs {
  return Object.fromEntries(PHASES.map((phase) => [phase, noCost()])) as unknown as Costs
}
