import { execFileSync } from 'node:child_process'
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { jobModule } from '../support/pools.ts'

const program = fileURLToPath(new URL('../support/processes/limited.mjs', import.meta.url))
/** Each starts children one after the other, which takes long on a busy machine. */
const PATIENCE_MS = 90_000
const jobs = ['ok', 'grows-wasm', 'ok']

/** Why programs of the system cannot be hidden here, or null. */
function obstacle(): string | null {
  try {
    execFileSync('unshare', ['-m', 'true'], { stdio: 'ignore' })
    return null
  } catch {
    return 'needs root and unshare, to hide programs in a mount namespace'
  }
}

let folder: string
let nothing: string
beforeAll(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'chancy-no-shell-'))
  nothing = path.join(folder, 'nothing')
  writeFileSync(nothing, '')
  chmodSync(nothing, 0)
})
afterAll(() => rmSync(folder, { recursive: true }))

/** What the program prints where these programs cannot be run. */
function runWithout(hidden: readonly string[]): Record<string, unknown>[] {
  const mounts = hidden.map((name) => `mount --bind ${nothing} "$(readlink -f "${name}")"`)
  const script = [...mounts, 'exec "$0" "$@"'].join(' && ')
  const args = ['-m', 'bash', '-c', script, process.execPath, program, jobModule('rude'), ...jobs]
  const text = execFileSync('unshare', args, { encoding: 'utf8', timeout: PATIENCE_MS })
  return text
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>)
}

const reason = obstacle()
const title = reason === null ? '' : ` (skipped: ${reason})`
const ENDS = jobs.map((name) => ({ name, kind: name === 'ok' ? 'returned' : 'over-memory' }))

describe.skipIf(reason !== null)(`a job with a memory limit, in an image${title}`, () => {
  it.each([
    ['without a shell', ['/bin/sh'], 0],
    ['without prlimit', ['/usr/bin/prlimit'], 0],
    ['without both', ['/bin/sh', '/usr/bin/prlimit'], 1],
  ])('%s runs and is held to its limit', { timeout: PATIENCE_MS }, (_, hidden, warnings) => {
    const said = runWithout(hidden)
    expect(said.filter(({ kind }) => kind !== undefined)).toEqual(ENDS)
    const warned = said.filter(({ message }) => /prlimit can be run/.test(`${message}`))
    expect(warned.map(({ level }) => level)).toEqual(Array(warnings).fill('warn'))
  })
})
