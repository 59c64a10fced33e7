/**
 * Where the time of one job goes, in microseconds, client and server apart.
 *
 *   npm run bench:profile -- [--jobs 100000] [--database postgres://…]
 *
 * One process pushes and works, `inline`, empty jobs, history kept. The first part is measured as it
 * runs: the processor time of this process and of each of the server's, the log that is written, and
 * how long the client waits for each kind of statement. Each kind has connections of its own
 * (`kinds.ts`), so that a process of the server belongs to it; that needs the server on this machine
 * and Linux, otherwise these rows are empty (`background` also needs a role that sees it, such as
 * `pg_monitor`). Claim and finish are also taken apart: thousands of jobs are started and held, and
 * then released.
 *
 * The second part says which functions of the client (V8's sampling profiler) and, on an embedded
 * server, which statements of the server, those inside of functions too. It is measured by itself,
 * since the looking costs time: its shares count, its sums are larger than in life.
 *
 * Prints the tables, and writes them to `bench/results/profile.json`.
 */
import { parseArgs } from 'node:util'
import { writeJson } from '../support/results.ts'
import { benchServer, settingLine } from '../support/server.ts'
import { profiled } from './cpu-profile.ts'
import { Meter } from './meter.ts'
import { drain, measurePhases, pushFromCallers } from './phases.ts'
import { ProfileSession } from './profile-session.ts'
import { phaseTable, profileTable, statementTable } from './report.ts'
import { ServerProcesses } from './server-processes.ts'
import { COUNTED, COUNTING, type ServerStatement, ServerStatements } from './server-statements.ts'

const { values } = parseArgs({
  options: { jobs: { type: 'string', default: '100000' }, database: { type: 'string' } },
})
const jobs = Number(values.jobs)
if (!(Number.isInteger(jobs) && jobs > 0)) throw new Error(`--jobs takes a number, got ${jobs}.`)

await using server = await benchServer(values.database ?? process.env.DATABASE_URL, COUNTING)
const costs = await phases()
console.log(`${phaseTable(costs)}\n`)

const { statements, profiles } = await inside()
if (statements === null) console.log('statements: only of an embedded server\n')
else console.log(`drain on the server\n${statementTable(statements, jobs)}\n`)
for (const { what, profile } of profiles) console.log(`${profileTable(what, profile, jobs)}\n`)
console.log(settingLine(server))
const all = { jobs, setting: server.setting, costs, statements, profiles }
console.log(writeJson('profile.json', all))

async function phases() {
  const processes = await ServerProcesses.watch(server)
  if (processes === null) console.log('The processes of the server cannot be seen from here.')
  const meter = new Meter(server, processes)
  try {
    await using session = await ProfileSession.open(server, (call) => meter.onCall(call))
    return await measurePhases(session, meter, jobs)
  } finally {
    await processes?.stop()
  }
}

async function inside() {
  const counter = await ServerStatements.open(server)
  await using session = await ProfileSession.open(
    server,
    () => {},
    counter === null ? [] : [COUNTED],
  )
  // Warm, so that what is seen is not the compiler.
  await session.fill(jobs)
  await drain(session, jobs)
  const bulk = await profiled(() => session.fill(jobs))
  let statements: ServerStatement[] | null = null
  const drained = await profiled(async () => {
    const work = (): Promise<void> => drain(session, jobs)
    if (counter === null) await work()
    else statements = await counter.measure(work)
  })
  const callers = await profiled(() => pushFromCallers(session, jobs))
  const profiles = [
    { what: 'bulk', profile: bulk },
    { what: 'callers', profile: callers },
    { what: 'drain', profile: drained },
  ]
  return { statements: statements as ServerStatement[] | null, profiles }
}
