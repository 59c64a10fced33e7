import { readdir } from 'node:fs/promises'
import path from 'node:path'

/** True when a path asks for more than one file: it has `*`, `?` or `{a,b}`. */
export function isGlob(pattern: string): boolean {
  return /[*?{]/.test(pattern)
}

/**
 * The files that an absolute pattern matches, sorted. `*` and `?` stay within a name, `**` spans
 * folders, `{a,b}` is a choice. `node_modules` and names that begin with a dot are left out.
 *
 * Node has its own `fs.glob` from 22 on; this is what is needed until 20 is gone.
 */
export async function glob(pattern: string): Promise<string[]> {
  const parts = pattern.split(path.sep).join('/').split('/')
  const firstMagic = parts.findIndex(isGlob)
  const root = parts.slice(0, firstMagic).join('/') || '/'
  const shape = toRegExp(parts.slice(firstMagic).join('/'))
  const found: string[] = []
  await walk(root, '', (relative) => {
    if (shape.test(relative)) found.push(path.join(root, relative))
  })
  return found.sort()
}

async function walk(root: string, below: string, visit: (relative: string) => void): Promise<void> {
  const entries = await readdir(path.join(root, below), { withFileTypes: true }).catch(ifMissing)
  for (const entry of entries) {
    if (entry.name === 'node_modules' || entry.name.startsWith('.')) continue
    const relative = below === '' ? entry.name : `${below}/${entry.name}`
    if (entry.isDirectory()) await walk(root, relative, visit)
    else visit(relative)
  }
}

function ifMissing(error: NodeJS.ErrnoException): [] {
  if (error.code === 'ENOENT' || error.code === 'ENOTDIR') return []
  throw error
}

const TOKENS = /\*\*\/|\*\*|\*|\?|\{[^{}]*\}|[\s\S]/g

function toRegExp(pattern: string): RegExp {
  const source = pattern.replace(TOKENS, (token) => {
    if (token === '**/') return '(?:[^/]+/)*'
    if (token === '**') return '.*'
    if (token === '*') return '[^/]*'
    if (token === '?') return '[^/]'
    if (token.length > 1) return `(?:${token.slice(1, -1).split(',').map(quote).join('|')})`
    return quote(token)
  })
  return new RegExp(`^${source}$`)
}

function quote(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')
}
