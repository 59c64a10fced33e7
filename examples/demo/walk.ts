import { lstat, readdir } from 'node:fs/promises'

const SLASH = Buffer.from('/')

export interface Found {
  readonly path: Buffer
  readonly size: number
  /** When the file or its entry last changed, in nanoseconds. No program can set it. */
  readonly changedNs: bigint
}

/** Every plain file below a directory. Links are not followed; what vanishes during the walk is skipped. */
export async function* walk(directory: Buffer, isOver: () => boolean): AsyncGenerator<Found> {
  const waiting = [directory]
  for (let at = waiting.pop(); at !== undefined && !isOver(); at = waiting.pop()) {
    const entries = await readdir(at, { withFileTypes: true, encoding: 'buffer' }).catch(() => [])
    for (const entry of entries) {
      if (isOver()) return
      const path = Buffer.concat([at, SLASH, entry.name])
      if (entry.isDirectory()) waiting.push(path)
      if (!entry.isFile()) continue
      const stat = await lstat(path, { bigint: true }).catch(() => null)
      if (stat?.isFile()) yield { path, size: Number(stat.size), changedNs: stat.ctimeNs }
    }
  }
}
