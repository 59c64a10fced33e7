import path from 'node:path'
import { fileURLToPath } from 'node:url'
import type { JobSource } from '../../index.ts'

const MAGIC = /[*?{]/

/** The folders that hold the modules of these sources: of a glob, the one above its first `*`. */
export function jobFolders(sources: readonly JobSource[]): string[] {
  const files = sources.flatMap((source) => {
    const text = typeof source === 'string' || source instanceof URL ? String(source) : ''
    // What is neither a path nor a file, as "data:…" or a function, has no folder.
    if (text.startsWith('file:')) return [fileURLToPath(text)]
    return text === '' || /^[a-z]{2,}:/i.test(text) ? [] : [path.resolve(text)]
  })
  return [...new Set(files.map(folderOf))]
}

function folderOf(file: string): string {
  const parts = file.split(path.sep)
  const first = parts.findIndex((part) => MAGIC.test(part))
  return first < 0 ? path.dirname(file) : parts.slice(0, first).join(path.sep) || path.sep
}
