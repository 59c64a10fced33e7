// The test files of examples/testing as their users have them: in a folder of their own with the packed package, once by
// each runner that docs/learning/testing.md names. Jest is not a dependency of this repository, so it is installed here;
// where that is not possible it is skipped, and the reason is said.
//
//   node scripts/check-test-recipes.mjs
import { spawnSync } from 'node:child_process'
import { cpSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { stripVTControlCharacters } from 'node:util'
import { install, packedFolder } from './fresh-clone.mjs'
import { root } from './source-tree.mjs'

const JEST = 'jest@30.5.2'
const TIMEOUT_MS = 180_000

const { folder: packed, tarball } = packedFolder('test-recipes')
const folder = join(packed, 'app')
mkdirSync(folder)
cpSync(join(root, 'examples', 'testing'), folder, { recursive: true })
writeFileSync(join(folder, 'package.json'), '{"private":true,"type":"module"}\n')

const jest = spawnSync(`npm install --no-save --no-audit --no-fund ${JEST}`, {
  cwd: folder,
  encoding: 'utf8',
  shell: true,
  timeout: TIMEOUT_MS,
})
install(tarball, folder)

check('vitest', ['node_modules/vitest/vitest.mjs', 'run'], /Tests\s+2 passed/)
check('node:test', ['run-node-tests.js'], /pass 1\b[\s\S]*fail 0\b/)
if (jest.status === 0) {
  const args = ['--experimental-vm-modules', 'node_modules/jest/bin/jest.js']
  check('jest', args, /Tests:\s+1 passed, 1 total/)
} else {
  const reason = (jest.error?.message ?? jest.stderr.trim().split('\n').at(-1)) || 'npm failed'
  console.log(`jest: skipped, ${JEST} cannot be installed: ${reason}`)
}

/** Without an address: each runner starts the server by its global set-up. */
function check(runner, args, expected) {
  const { CHANCY_TEST_URL: _, DATABASE_URL: __, NODE_TEST_CONTEXT: ___, ...rest } = process.env
  const env = { ...rest, NO_COLOR: '1', FORCE_COLOR: '0' }
  const started = performance.now()
  const { status, stdout, stderr } = spawnSync(process.execPath, args, {
    cwd: folder,
    env,
    encoding: 'utf8',
    timeout: TIMEOUT_MS,
  })
  const said = `${stdout}${stderr}`

  const isRight = status === 0 && expected.test(stripVTControlCharacters(said))
  if (isRight) {
    console.log(`${runner}: passed in ${((performance.now() - started) / 1_000).toFixed(1)} s`)
    return
  }
  process.exitCode = 1
  console.log(`${runner}: failed with ${status}\n${said}`)
}
