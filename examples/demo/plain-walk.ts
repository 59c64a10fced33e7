/**
 * The same files read a second time, without a queue and by other means than the jobs use, so that
 * a mistake of one side shows.
 */
import { createHash, type Hash } from 'node:crypto'
import { createReadStream, lstatSync, readdirSync, readFileSync } from 'node:fs'
import { setImmediate } from 'node:timers/promises'
import { keyOf } from './file-path.ts'
import type { Facts } from './jobs.ts'

export interface Plain {
  readonly path: Buffer
  /** What is in it, or the code of the error that says why it cannot be read. */
  readonly facts: Facts | string
  /** From before it was read. */
  readonly changedNs: bigint
}

/** Larger files are read piece by piece. */
const WHOLE_BYTES = 1_024 ** 2

export interface PlainWalk {
  readonly files: ReadonlyMap<string, Plain>
  /** Directories that could not be listed. */
  readonly closed: readonly Buffer[]
}

export async function plainWalk(directory: Buffer, signal: AbortSignal): Promise<PlainWalk> {
  const files = new Map<string, Plain>()
  const closed: Buffer[] = []
  const directories = [directory]
  for (const at of directories) {
    await setImmediate()
    let names: Buffer[] = []
    try {
      names = readdirSync(at, 'buffer')
    } catch (error) {
      if (codeOf(error) !== 'ENOENT') closed.push(at)
    }
    for (const name of names) {
      signal.throwIfAborted()
      const path = Buffer.from(`${at.toString('latin1')}/${name.toString('latin1')}`, 'latin1')
      const stat = lstatSync(path, { bigint: true, throwIfNoEntry: false })
      if (stat?.isDirectory()) directories.push(path)
      if (!stat?.isFile()) continue
      const facts = await read(path, Number(stat.size)).catch(codeOf)
      if (facts !== 'ENOENT') files.set(keyOf(path), { path, facts, changedNs: stat.ctimeNs })
    }
  }
  return { files, closed }
}

async function read(path: Buffer, size: number): Promise<Facts> {
  const hash = createHash('sha256')
  const tally = { size: 0, newlines: 0, last: 10 }
  if (size <= WHOLE_BYTES) take(readFileSync(path), hash, tally)
  else for await (const piece of createReadStream(path)) take(piece as Buffer, hash, tally)
  const lines = tally.newlines + (tally.last === 10 ? 0 : 1)
  return { sha256: hash.digest('hex'), size: tally.size, lines }
}

function take(
  piece: Buffer,
  hash: Hash,
  tally: { size: number; newlines: number; last: number },
): void {
  hash.update(piece)
  tally.size += piece.length
  tally.newlines += piece.toString('latin1').split('\n').length - 1
  tally.last = piece.at(-1) ?? tally.last
}

function codeOf(error: unknown): string {
  return (error as NodeJS.ErrnoException).code ?? String(error)
}
