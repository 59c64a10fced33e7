import { existsSync } from 'node:fs'
import { readdir, realpath, stat } from 'node:fs/promises'
import path from 'node:path'

/** True when a path asks for more than one file: it has `*`, `?` or `{a,b}`. */
export function isGlob(pattern: string): boolean {
  return /[*?{]/.test(pattern)
}

/**
 * The files that an absolute pattern matches, sorted, each once. `*` and `?` stay within a name, `**`
 * spans folders, `{a,b}` is a choice, everything else stands for itself. A folder that exists is taken
 * as it is named, whatever is in its name. Linked folders and files are followed. `node_modules` and
 * names that begin with a dot are left out.
 *
 * Node has its own `fs.glob` from 22 on; this is what is needed until 20 is gone.
 */
export async function glob(pattern: string): Promise<string[]> {
  const parts = pattern.split(path.sep).join('/').split('/')
  let firstMagic = 1
  while (isPlain(parts, firstMagic)) firstMagic++
  const root = parts.slice(0, firstMagic).join('/') || '/'
  const shapes = choicesOf(parts.slice(firstMagic).join('/')).map(toRegExp)
  // By the file that they lead to: a file and a link to it are one.
  const found = new Map<string, string>()
  const visit = async (relative: string): Promise<void> => {
    if (!shapes.some((shape) => shape.test(relative))) return
    const file = path.join(root, relative)
    const target = await realpath(file)
    const other = found.get(target)
    if (other === undefined || file < other) found.set(target, file)
  }
  await walk(root, '', [], visit)
  return [...found.values()].sort()
}

/** Whether the part at an index belongs to the folder to look in. */
function isPlain(parts: readonly string[], index: number): boolean {
  const part = parts[index]
  if (part === undefined || index === parts.length - 1) return false
  return !isGlob(part) || existsSync(parts.slice(0, index + 1).join('/'))
}

/** @param above The real paths of the folders that it is in, so that a link to one of them ends there. */
async function walk(
  root: string,
  below: string,
  above: readonly string[],
  visit: (relative: string) => Promise<void>,
): Promise<void> {
  const folder = path.join(root, below)
  const real = await realpath(folder).catch(ifMissing)
  if (real === null || above.includes(real)) return
  const entries = (await readdir(folder, { withFileTypes: true }).catch(ifMissing)) ?? []
  for (const entry of entries) {
    if (entry.name === 'node_modules' || entry.name.startsWith('.')) continue
    const relative = below === '' ? entry.name : `${below}/${entry.name}`
    // A link that leads nowhere is neither.
    const kind = entry.isSymbolicLink()
      ? await stat(path.join(root, relative)).catch(ifMissing)
      : entry
    if (kind?.isDirectory()) await walk(root, relative, [...above, real], visit)
    else if (kind?.isFile()) await visit(relative)
  }
}

function ifMissing(error: NodeJS.ErrnoException): null {
  if (['ENOENT', 'ENOTDIR', 'ELOOP'].includes(error.code ?? '')) return null
  throw error
}

const CHOICE = /\{([^{}]*)\}/
/** More choices than a pattern that is written by hand has. */
const MAX_CHOICES = 1_000

/** A pattern for each combination of its choices; those may lie in each other and hold `*`. */
function choicesOf(pattern: string): string[] {
  let patterns = [pattern]
  while (patterns.some((one) => CHOICE.test(one)) && patterns.length < MAX_CHOICES) {
    patterns = patterns.flatMap((one) => {
      const inner = CHOICE.exec(one)
      if (inner === null) return [one]
      const [before, after] = [one.slice(0, inner.index), one.slice(inner.index + inner[0].length)]
      return inner[1]!.split(',').map((choice) => before + choice + after)
    })
  }
  return patterns
}

const TOKENS = /\*\*\/|\*\*|\*|\?|[\s\S]/g

function toRegExp(pattern: string): RegExp {
  const source = pattern.replace(TOKENS, (token) => {
    if (token === '**/') return '(?:[^/]+/)*'
    if (token === '**') return '.*'
    if (token === '*') return '[^/]*'
    if (token === '?') return '[^/]'
    return quote(token)
  })
  return new RegExp(`^${source}$`)
}

function quote(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')
}
