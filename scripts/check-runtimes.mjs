// What docs/advanced/runtimes.md says of Bun and Deno: a producer, the HTTP API and each executor work, or are
// refused at the start with what to do. A runtime that cannot be installed is skipped, and the reason is said.
//
//   node scripts/check-runtimes.mjs
import { spawnSync } from 'node:child_process'
import { cpSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { freshFolders, install, run } from './fresh-clone.mjs'
import { root } from './source-tree.mjs'

const RUNTIMES = [
  { name: 'bun', version: '1.4.5', args: [], refuses: { process: 'needs Node.js' } },
  { name: 'deno', version: '2.9.6', args: ['run', '-A', '--node-modules-dir=manual'], refuses: {} },
]
const RUNS = 'succeeded Hello, Ada!\n'
/** What each program prints. The producer's third job was rolled back. */
const PROGRAMS = {
  producer: { args: ['producer.mjs'], prints: 'pending Ada, pending COMMIT\n' },
  server: { args: ['server.mjs'], prints: 'admin, 403 ORIGIN_REFUSED, 200 queues\n' },
  inline: { args: ['program.mjs', 'inline'], prints: RUNS },
  thread: { args: ['program.mjs', 'thread'], prints: RUNS },
  process: { args: ['program.mjs', 'process'], prints: RUNS },
}
const TIMEOUT_MS = 120_000

const { clone, empty } = freshFolders('runtimes')
const folder = join(empty, 'app')
mkdirSync(folder)
run('npm pack', clone)
const { version } = JSON.parse(run('npm pkg get version name', clone))
install(join(clone, `chancy-${version}.tgz`), folder)
cpSync(join(root, 'test', 'runtimes'), folder, { recursive: true })
writeFileSync(join(folder, 'package.json'), '{"private":true,"type":"module"}\n')

const { embeddedPostgres } = await import('../dist/database/drivers/embedded-postgres.js')
const server = process.env.DATABASE_URL ? null : embeddedPostgres()
try {
  const url = process.env.DATABASE_URL || (await server.url())
  for (const runtime of RUNTIMES) checkRuntime(runtime, url)
} finally {
  await server?.close()
}

function checkRuntime({ name, version, args, refuses }, url) {
  const binary = installed(name, version)
  if (typeof binary !== 'string') {
    console.log(`${name}: skipped, ${binary.reason}`)
    return
  }
  for (const [program, { args: given, prints }] of Object.entries(PROGRAMS)) {
    const { status, stdout, stderr } = spawnSync(binary, [...args, ...given], {
      cwd: folder,
      encoding: 'utf8',
      timeout: TIMEOUT_MS,
      env: { ...process.env, DATABASE_URL: url },
    })
    const why = refuses[program]
    const isRight =
      why === undefined
        ? status === 0 && stdout === prints && !/error/i.test(stderr)
        : status !== 0 && stderr.includes(why)
    if (isRight) console.log(`${name} ${version}: ${program} ${why === undefined ? 'works' : why}`)
    else {
      console.error(`${name} ${version}: ${program}, status ${status}:\n${stdout}${stderr}`)
      process.exitCode = 1
    }
  }
}

/** Outside of the package and of this repository's packages: only this script needs them. */
function installed(name, version) {
  const home = join(empty, name)
  mkdirSync(home)
  writeFileSync(join(home, 'package.json'), '{"private":true}\n')
  try {
    // With its install script, which puts the binary into its place.
    run(`npm install --no-audit ${name}@${version}`, home, { timeout: 300_000 })
    const binary = join(home, 'node_modules', '.bin', name)
    run(`"${binary}" --version`, home)
    return binary
  } catch (error) {
    return { reason: String(error.message).split('\n').slice(0, 2).join(' ') }
  }
}
