import { chmod, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { connect, createServer, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { embeddedPostgres } from 'chancy/embedded-postgres'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { processesOf, supervisorAndServer } from '../support/processes/of-directory.ts'
import { until } from '../support/until.ts'

// Its processes are looked for in /proc.
const isLinux = process.platform === 'linux'
const isRoot = process.getuid?.() === 0
const one = { text: 'SELECT 1 AS n', values: [] }

let home: string
let directory: string

beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'chancy-test-'))
  await chmod(home, 0o755)
  directory = join(home, 'database')
})
afterEach(async () => {
  await until(() => processesOf(directory).length === 0, { what: 'the end of the server' })
  await rm(home, { recursive: true, force: true })
})

const controlFile = () => join(directory, 'supervisor.json')

async function controlPort(): Promise<number> {
  return (JSON.parse(await readFile(controlFile(), 'utf8')) as { port: number }).port
}

/** A connection to `port`, and whether the other side has closed it. */
async function stranger(port: number): Promise<{ socket: Socket; closed: Promise<void> }> {
  const socket = connect(port, '127.0.0.1')
  socket.on('error', () => {})
  const closed = new Promise<void>((resolve) => socket.once('close', () => resolve()))
  await new Promise((resolve) => socket.once('connect', resolve))
  return { socket, closed }
}

describe.runIf(isLinux)('The supervisor of an embedded server', () => {
  it('closes connections that do not prove to know its token, and continues', async () => {
    await using database = embeddedPostgres({ directory })
    await database.query(one)
    const before = supervisorAndServer(directory)
    const port = await controlPort()
    const request = { do: 'join', nonce: 'n', proof: 'x'.repeat(43) }
    const texts = [
      'GET / HTTP/1.1\r\nHost: localhost\r\n\r\n',
      '\0\x01\xff\n',
      'null\n',
      '[]\n',
      '7\n',
      '{}\n',
      `${JSON.stringify(request)}\n`,
      `${JSON.stringify({ ...request, nonce: { a: 1 }, proof: null })}\n`,
      `${JSON.stringify({ do: 'leave' })}\n`,
      `${JSON.stringify({ do: 'restart', mode: 'kill', downMs: 1e9 })}\n`,
      'x'.repeat(1_000_000),
    ]
    for (const text of texts) {
      const { socket, closed } = await stranger(port)
      socket.write(text)
      await closed
    }
    // One that sends nothing is closed too.
    await (await stranger(port)).closed
    expect(supervisorAndServer(directory)).toEqual(before)
    expect(await database.query(one)).toEqual([{ n: 1 }])
    // Nothing is left of them, so the last client ends the server.
  })

  it.each([
    ['answers with something else', (socket: Socket) => void socket.write('HTTP/1.1 400 Bad\r\n')],
    ['never answers', () => {}],
    [
      'claims to be the supervisor',
      (socket: Socket) =>
        void socket.once('data', () => {
          const url = 'postgresql://postgres:x@127.0.0.1:1/postgres'
          socket.write(`${JSON.stringify({ url, pid: 1, proof: 'y'.repeat(43) })}\n`)
        }),
    ],
  ])('is not taken for another process on its old port that %s', async (_what, act) => {
    await embeddedPostgresOnce()
    const other = createServer((socket) => {
      socket.on('error', () => {})
      act(socket)
    })
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve))
    const { port } = other.address() as { port: number }
    await writeFile(controlFile(), JSON.stringify({ port, token: 'old' }))
    await using database = embeddedPostgres({ directory })
    expect(await database.query(one)).toEqual([{ n: 1 }])
    expect(new URL(await database.url()).port).not.toBe('1')
    other.close()
  })
})

describe.runIf(isLinux && isRoot)('An embedded server of root', () => {
  it('keeps its password where the user that it runs as cannot read it', async () => {
    await using database = embeddedPostgres({ directory })
    await database.url()
    const { uid, mode } = await stat(join(directory, 'data', 'chancy.password'))
    expect({ uid, mode: mode & 0o777 }).toEqual({ uid: 0, mode: 0o600 })
    // It starts again beside a file that it cannot read.
    await database.restart({ mode: 'kill' })
    await until(() => database.query(one).catch(() => null), { timeoutMs: 20_000 })
  })
})

async function embeddedPostgresOnce(): Promise<void> {
  await using database = embeddedPostgres({ directory })
  await database.url()
}
