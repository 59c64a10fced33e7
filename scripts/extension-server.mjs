// A server with an extension that PostgreSQL does not bring: that of DATABASE_URL where it has it, else a
// throw-away one of an installation on this machine (Debian's folders, or the pg_config of the path).
import { spawnSync } from 'node:child_process'
import { chownSync, existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'
import { chooseUser } from '../dist/database/embedded/run-as.js'

const DEBIAN = { binaries: '/usr/lib/postgresql', files: '/usr/share/postgresql' }

/** `{ url, stop }`, or `{ reason }` why there is none. */
export async function extensionServer(name) {
  const given = process.env.DATABASE_URL
  if (given && (await hasExtension(given, name))) return { url: given, stop: async () => {} }
  const found = installations().filter(({ files }) =>
    existsSync(join(files, 'extension', `${name}.control`)),
  )
  if (found.length > 0) return start(found.at(-1).binaries)
  const where = given ? 'neither the server of DATABASE_URL nor an' : 'no'
  const has = given ? 'has' : 'with'
  return {
    reason: `${where} installation of PostgreSQL on this machine ${has} the extension ${name} (Debian: apt-get install postgresql-15-${name.replaceAll('_', '-')})`,
  }
}

async function hasExtension(url, name) {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  try {
    const text = 'SELECT 1 FROM pg_available_extensions WHERE name = $1'
    return (await client.query(text, [name])).rows.length > 0
  } finally {
    await client.end()
  }
}

/** The folders of programs and of shared files, the newest version last. */
function installations() {
  const versions = existsSync(DEBIAN.binaries) ? readdirSync(DEBIAN.binaries) : []
  const debian = versions
    .sort((a, b) => Number(a) - Number(b))
    .map((version) => ({
      binaries: join(DEBIAN.binaries, version, 'bin'),
      files: join(DEBIAN.files, version),
    }))
  const asked = spawnSync('pg_config', ['--bindir', '--sharedir'], { encoding: 'utf8' })
  const [binaries, files] = asked.status === 0 ? asked.stdout.trim().split('\n') : []
  return [...(files === undefined ? [] : [{ binaries, files }]), ...debian].filter((one) =>
    existsSync(join(one.binaries, 'initdb')),
  )
}

async function start(binaries) {
  const home = mkdtempSync(join(tmpdir(), 'chancy-extension-'))
  // PostgreSQL does not run as root.
  const user = await chooseUser(home)
  if (user !== null) chownSync(home, user.uid, user.gid)
  const data = join(home, 'data')
  const run = (program, ...args) => {
    const { status, stdout, stderr, error } = spawnSync(join(binaries, program), args, {
      cwd: home,
      encoding: 'utf8',
      // The server keeps what it inherits: with a pipe the call would wait for its end.
      stdio: program === 'pg_ctl' ? 'ignore' : 'pipe',
      env: { PATH: process.env.PATH ?? '', LC_ALL: 'C' },
      ...user,
    })
    if (status !== 0) throw new Error(`${program}: ${error ?? `${stdout ?? ''}${stderr ?? ''}`}`)
  }
  const stop = async () => {
    if (existsSync(join(data, 'postmaster.pid')))
      run('pg_ctl', 'stop', '-w', '-m', 'immediate', '-D', data)
    rmSync(home, { recursive: true, force: true })
  }
  try {
    run('initdb', '-D', data, '-U', 'postgres', '-A', 'trust', '-E', 'UTF8', '--no-locale', '-N')
    const port = await freePort()
    const settings = `-p ${port} -c listen_addresses=127.0.0.1 -c unix_socket_directories= -c fsync=off`
    run('pg_ctl', 'start', '-w', '-D', data, '-l', join(home, 'log'), '-o', settings)
    return { url: `postgresql://postgres@127.0.0.1:${port}/postgres`, stop }
  } catch (error) {
    await stop()
    throw error
  }
}

async function freePort() {
  const server = createServer()
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address()
  await new Promise((resolve) => server.close(resolve))
  return port
}
