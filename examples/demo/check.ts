/** Compares what is stored with what a plain walk finds. */
import { createHash } from 'node:crypto'
import { shown } from './file-path.ts'
import type { Facts } from './jobs.ts'
import type { Plain, PlainWalk } from './plain-walk.ts'
import { number } from './progress-bar.ts'
import type { Stored } from './stored-results.ts'

export interface Report {
  readonly lines: string[]
  /** What is wrong; none of it may be. */
  readonly faults: string[]
}

/** Names of a kind that are printed. */
const SHOWN = 20

/** `pushed`: when each file that was pushed had last changed, by its key. */
export function checkFiles(
  pushed: ReadonlyMap<string, bigint>,
  stored: ReadonlyMap<string, Stored>,
  plain: PlainWalk,
): Report {
  const lines: string[] = []
  const faults: string[] = []
  const named = { vanished: [] as Buffer[], changed: [] as Buffer[], appeared: [] as Buffer[] }
  const both: [Stored, Plain][] = []
  const unreadable: string[] = []

  if (stored.size !== pushed.size)
    faults.push(`${number(pushed.size)} files were pushed, and ${number(stored.size)} are stored`)
  for (const [key, changedNs] of pushed) {
    const left = stored.get(key)
    const right = plain.files.get(key)
    if (left === undefined) faults.push(`no job is stored for ${shown(Buffer.from(key, 'latin1'))}`)
    else if (right === undefined) named.vanished.push(left.path)
    else if (right.changedNs !== changedNs) named.changed.push(left.path)
    else if (typeof right.facts === 'string' && isRefused(left, right.facts))
      unreadable.push(`${shown(left.path)} (${right.facts})`)
    else if (left.state !== 'succeeded')
      faults.push(`${shown(left.path)} ${left.state}: ${left.failure?.message ?? 'no reason'}`)
    else both.push([left, right])
  }
  for (const [key, { path }] of plain.files) if (!pushed.has(key)) named.appeared.push(path)

  both.sort(([a], [b]) => Buffer.compare(a.path, b.path))
  const left = total(both.map(([{ path, facts }]) => ({ path, facts })))
  const right = total(both.map(([, { path, facts }]) => ({ path, facts })))
  for (const [one, other] of both) {
    if (JSON.stringify(ordered(one.facts)) !== JSON.stringify(ordered(other.facts)))
      faults.push(
        `${shown(one.path)}: stored ${JSON.stringify(one.facts)}, found ${JSON.stringify(other.facts)}`,
      )
  }
  lines.push(
    row('', 'stored results', 'plain walk'),
    row('files', number(left.files), number(right.files)),
    row('bytes', number(left.bytes), number(right.bytes)),
    row('lines', number(left.lines), number(right.lines)),
    row('digest', left.digest.slice(0, 24), right.digest.slice(0, 24)),
  )
  if (left.digest !== right.digest) faults.push('the digests differ')
  list(lines, 'could be read by neither', unreadable)
  list(lines, 'directories could not be listed', plain.closed.map(shown))
  list(lines, 'vanished between the walks', named.vanished.map(shown))
  list(lines, 'changed between the walks', named.changed.map(shown))
  list(lines, 'appeared between the walks', named.appeared.map(shown))
  return { lines, faults }
}

/** The job met the same error and gave up immediately. */
function isRefused({ state, failure }: Stored, code: string): boolean {
  return state === 'failed' && failure?.kind === 'discarded' && failure.message === code
}

type Ordered = readonly [string, number, number] | string | null

function ordered(facts: Facts | string | null): Ordered {
  if (facts === null || typeof facts === 'string') return facts
  return [facts.sha256, facts.size, facts.lines]
}

interface Total {
  readonly files: number
  readonly bytes: number
  readonly lines: number
  readonly digest: string
}

/** One digest over all, in the order of the paths. */
function total(files: readonly { path: Buffer; facts: Facts | string | null }[]): Total {
  const hash = createHash('sha256')
  let bytes = 0
  let lines = 0
  for (const { path, facts } of files) {
    hash
      .update(path)
      .update('\0')
      .update(JSON.stringify(ordered(facts)))
    if (facts === null || typeof facts === 'string') continue
    bytes += facts.size
    lines += facts.lines
  }
  return { files: files.length, bytes, lines, digest: hash.digest('hex') }
}

function row(what: string, left: string, right: string): string {
  const verdict = what === '' ? '' : left === right ? '  same' : '  DIFFERENT'
  return `  ${what.padEnd(8)}${left.padStart(26)}${right.padStart(26)}${verdict}`
}

function list(lines: string[], what: string, names: readonly string[]): void {
  if (names.length === 0) return
  lines.push(`  ${number(names.length)} ${what}:`)
  for (const name of names.slice(0, SHOWN)) lines.push(`    ${name}`)
  if (names.length > SHOWN) lines.push(`    and ${number(names.length - SHOWN)} more`)
}
