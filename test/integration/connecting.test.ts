import { createServer } from 'node:net'
import { Chancy, isChancyError } from 'chancy'
import { postgresJsDriver } from 'chancy/drivers/postgres-js'
import postgres from 'postgres'
import { describe, expect, it } from 'vitest'
import { databaseUrl } from '../support/database.ts'

/** The address of the tests' server with other parts. */
function urlWith(change: (url: URL) => void): string {
  const url = new URL(databaseUrl())
  change(url)
  return url.href
}

async function errorOf(database: ConstructorParameters<typeof Chancy>[0]): Promise<Error> {
  await using chancy = new Chancy(database, { pushDeadline: '1s', notifications: false })
  const error = await chancy.getQueues().then(
    () => null,
    (error: Error) => error,
  )
  expect(isChancyError(error), String(error)).toBe(true)
  return error!
}

/** The whole text of an error and of what caused it. */
function textOf(error: unknown): string {
  if (!(error instanceof Error)) return ''
  return `${error.message} ${textOf(error.cause)}`
}

/** A port that nothing listens on. */
async function freePort(): Promise<string> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as { port: number }
  await new Promise((resolve) => server.close(resolve))
  return String(port)
}

describe('A connection that cannot be made', () => {
  it('to a server without TLS names how to have it, or how to do without', async () => {
    const url = urlWith(({ searchParams }) => searchParams.set('sslmode', 'require'))
    const error = await errorOf(url)
    expect(error).toMatchObject({ code: 'CONFIG_INVALID' })
    expect(error.message).toContain('sslmode=disable')
    expect(error.message).toContain('"ssl"')
  })

  it('to a server without TLS is reported through postgres.js as well', async () => {
    const sql = postgres(databaseUrl(), { ssl: 'require', max: 1 })
    const error = await errorOf(postgresJsDriver(sql))
    await sql.end()
    // It takes the refusal for the beginning of TLS, so that this may as well be the network.
    expect(error).toMatchObject({ code: 'DATABASE_UNREACHABLE' })
    expect(error.message).toContain('may not offer TLS')
  })

  it('because nothing listens is reported once', async () => {
    const port = await freePort()
    const error = await errorOf(
      urlWith((url) => {
        url.port = port
      }),
    )
    expect(error).toMatchObject({ code: 'DATABASE_UNREACHABLE' })
    expect(error.message.match(/ECONNREFUSED/g)).toHaveLength(1)
  })

  it('because nothing listens is reported for each address of a name', async () => {
    const port = await freePort()
    const error = await errorOf(
      urlWith((url) => {
        url.hostname = 'localhost'
        url.port = port
      }),
    )
    expect(error.message).toContain('ECONNREFUSED')
    expect(error.message).not.toContain('AggregateError')
    const addresses = error.message.match(/ECONNREFUSED \S+/g) ?? []
    expect(new Set(addresses).size).toBe(addresses.length)
  })

  it('because a password is wrong shows no password', async () => {
    const url = urlWith((url) => {
      url.username = 'no_such_role'
      url.password = 'CANARY'
    })
    const error = await errorOf(url)
    expect(textOf(error)).not.toContain('CANARY')
  })
})
