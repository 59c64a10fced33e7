import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { embeddedPostgres } from 'chancy/embedded-postgres'
import { freshSchema } from '../../support/flows/schema.ts'
import type { TrialReport } from '../../support/flows/trial.ts'
import { chance } from '../../support/seed.ts'
import { runWorkerTrial, type WorkerTrialOptions } from './trial.ts'

const SCHEMA = 'flow_trials'
/** No workflow of a trial stands still for that long while a worker lives, in milliseconds. */
const STILL_MS = 60_000

/** The trial with a server of its own, which is restarted in the middle. */
export async function runOnOwnServer(
  options: Pick<WorkerTrialOptions, 'plans' | 'processes' | 'leaseMs' | 'faultsMs'>,
): Promise<TrialReport> {
  const directory = mkdtempSync(join(tmpdir(), 'chancy-flows-'))
  const server = embeddedPostgres({
    directory: join(directory, 'server'),
    settings: { shared_buffers: '256MB', max_connections: '300' },
  })
  try {
    const url = new URL(await server.url())
    // By this name the fault of lost sessions finds them.
    url.searchParams.set('application_name', 'chaos')
    await freshSchema(url.href, SCHEMA)
    return await runWorkerTrial({
      ...options,
      ...{ url: url.href, schema: SCHEMA, luck: chance('flows'), stillMs: STILL_MS },
      own: { server, log: join(directory, 'server', 'server.log') },
    })
  } finally {
    await server.close()
    rmSync(directory, { recursive: true, force: true })
  }
}
