import { execFileSync, spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { jobModule } from '../support/pools.ts'

const program = fileURLToPath(new URL('../support/processes/as-init.mjs', import.meta.url))
/** Children start one after the other, which takes long on a busy machine. */
const PATIENCE_MS = 90_000
const NAMESPACE = ['-fp', '--mount-proc', '--kill-child']

/** Why no process can be PID 1 here, or null. */
function obstacle(): string | null {
  try {
    execFileSync('unshare', [...NAMESPACE, 'true'], { stdio: 'ignore' })
    return null
  } catch {
    return 'needs root and unshare, for a namespace of process ids'
  }
}

const reason = obstacle()
const title = reason === null ? '' : ` (skipped: ${reason})`

describe.skipIf(reason !== null)(`a worker that is PID 1${title}`, () => {
  it('ends what jobs have started, reaps its children, and warns that it reaps no others', {
    timeout: PATIENCE_MS,
  }, () => {
    const args = [...NAMESPACE, process.execPath, program, jobModule('rude')]
    const { stdout, stderr } = spawnSync('unshare', args, {
      encoding: 'utf8',
      timeout: PATIENCE_MS,
    })
    const said = stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, unknown>)
    const ends = said.filter(({ kind }) => kind !== undefined)
    expect(ends.map(({ name, kind }) => [name, kind])).toEqual([
      ['detaches', 'timed-out'],
      ['spins', 'timed-out'],
      ['ok', 'returned'],
      ['detaches', 'timed-out'],
      ['ok', 'returned'],
    ])
    expect(said.at(-1), stderr).toEqual({ pid: 1, ownZombies: [], living: [] })
    const warned = said.filter(({ message }) => /docker run --init/.test(`${message}`))
    expect(warned.length).toBe(1)
  })
})
