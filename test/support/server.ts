import { embeddedPostgres } from 'chancy/embedded-postgres'
import type { TestProject } from 'vitest/node'

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

interface TestServer {
  readonly url: string
  stop(): Promise<void>
}

// Each project loads this file anew, and yet there is one server for all: the first to need it starts it.
const shared = globalThis as { chancyTestServer?: Promise<TestServer>; chancyTestProjects?: number }

export async function setup(project: Pick<TestProject, 'provide'>): Promise<() => Promise<void>> {
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
  const database = embeddedPostgres({
    settings: { max_connections: '200', track_commit_timestamp: 'on', shared_buffers: '64MB' },
  })
  try {
    return { url: await database.url(), stop: () => database.close() }
  } catch (cause) {
    throw new Error(HOW_TO, { cause })
  }
}
