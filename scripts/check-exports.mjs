// The public face: what would be published is well formed (publint, attw), exports what
// test/types/api.txt lists (--write after a deliberate change), and does nothing when imported.
import { execFileSync, spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseSync } from 'oxc-parser'
import { writeOrCompare } from './compare.mjs'
import { root, targetOf, textOf } from './source-tree.mjs'

/** What npm sends, in bytes. */
const MAX_PACKED = 1_600_000
const { name, version, exports } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
const subpaths = Object.entries(exports).filter(([, target]) => typeof target === 'object')
if (!textOf('src/core/version.ts').includes(`'${version}'`))
  fail(`src/core/version.ts: expected the version of package.json, ${version}`)
checkTarball()
for (const [subpath] of subpaths) checkImport(subpath)
writeOrCompare('test/types/api.txt', (await Promise.all(subpaths.map(section))).join('\n'))

function checkTarball() {
  const folder = mkdtempSync(join(tmpdir(), 'chancy-pack-'))
  try {
    const pack = ['pack', '--ignore-scripts', '--silent', '--pack-destination', folder]
    const tarball = join(folder, execFileSync('npm', pack, { cwd: root, encoding: 'utf8' }).trim())
    const { size } = statSync(tarball)
    if (size > MAX_PACKED)
      fail(
        `The package has ${size} bytes packed, and at most ${MAX_PACKED} are allowed: see what "files" in package.json names.`,
      )
    run('publint', ['run', tarball, '--strict'])
    run('attw', [tarball, '--profile', 'esm-only', '--format', 'ascii', '--no-color'])
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

function run(tool, args) {
  const bin = join(root, 'node_modules', '.bin', tool)
  const { status, stdout, stderr } = spawnSync(bin, args, { cwd: root, encoding: 'utf8' })
  if (status !== 0) fail(`${tool} finds faults in the package:\n${stdout}${stderr}`)
}

/** A process that imports it ends by itself, and until then has no timer, socket or file open. */
function checkImport(subpath) {
  const script = `
    const { setTimeout: sleep } = await import('node:timers/promises')
    void [process.stdout, process.stderr]
    const settled = async () => (await sleep(50), process.getActiveResourcesInfo())
    const before = await settled()
    await import(${JSON.stringify(join(name, subpath))})
    const open = await settled()
    if (open.length > before.length) throw new Error('left open: ' + open)`
  const args = ['--input-type=module', '--eval', script]
  const { status, stderr } = spawnSync(process.execPath, args, { cwd: root, timeout: 20_000 })
  if (status !== 0) fail(`importing ${join(name, subpath)} does something:\n${stderr}`)
}

async function section([subpath, target]) {
  const values = Object.keys(await import(join(root, target.default)))
  const inChild = target['chancy-child']
  if (inChild !== undefined) await compareFaces(target.default, inChild, values)
  const lines = [...new Set(namesIn(target.types.replace(/^\.\//, '')))]
    .sort()
    .map((one) => (values.includes(one) ? one : `type ${one}`))
  return `# ${join(name, subpath)}\n${lines.join('\n')}\n`
}

/** A job module finds the same names in a child. */
async function compareFaces(whole, inChild, values) {
  const names = Object.keys(await import(join(root, inChild)))
  const unlike = values.filter((one) => !names.includes(one))
  unlike.push(...names.filter((one) => !values.includes(one)))
  if (unlike.length > 0) fail(`${inChild} and ${whole} do not both export ${unlike.join(', ')}`)
}

/** The names that a file of declarations exports, through `export *` too. */
function namesIn(file) {
  const { module } = parseSync(file, textOf(file))
  return module.staticExports
    .flatMap(({ entries }) => entries)
    .flatMap(({ exportName, moduleRequest }) =>
      exportName.kind === 'None'
        ? namesIn(targetOf(file, moduleRequest.value).replace(/\.[jt]s$/, '.d.ts'))
        : [exportName.name ?? 'default'],
    )
}

function fail(why) {
  console.error(why)
  process.exitCode = 1
}
