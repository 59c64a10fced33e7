import { existsSync } from 'node:fs'
import { readdir, readFile } from 'node:fs/promises'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { hashOf, takes } from './headers.ts'

const TYPES: Readonly<Record<string, string>> = {
  '.css': 'text/css; charset=utf-8',
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.json': 'application/json',
  '.png': 'image/png',
  '.svg': 'image/svg+xml',
  '.txt': 'text/plain; charset=utf-8',
  '.webmanifest': 'application/manifest+json',
}
const ENCODINGS = [
  ['br', '.br'],
  ['gzip', '.gz'],
] as const
const MANIFEST = '.vite/manifest.json'
/** The names below it have a hash of what they hold. */
const HASHED = 'assets/'
const YEAR = 'public, max-age=31536000, immutable'

/** A chunk of the manifest of Vite. */
interface Chunk {
  readonly file: string
  readonly isEntry?: boolean
  readonly css?: readonly string[]
  readonly imports?: readonly string[]
}

/** What the first page loads, by paths below the base. */
export interface EntryFiles {
  readonly script: string
  readonly styles: readonly string[]
  readonly preloads: readonly string[]
}

/** The built files of the dashboard. Each is read at its first use and kept. */
export class Assets {
  readonly #folder = folderOf()
  readonly #read = new Map<string, Promise<Buffer>>()
  #names: Promise<ReadonlySet<string>> | null = null
  #entry: Promise<EntryFiles | null> | null = null

  /** Null: the dashboard was not built. */
  entry(): Promise<EntryFiles | null> {
    this.#entry ??= this.#findEntry()
    return this.#entry
  }

  /** The answer to a request for a file, or null when there is none. */
  async answer(request: Request, name: string): Promise<Response | null> {
    const names = await this.#list()
    const type = TYPES[path.posix.extname(name)]
    if (type === undefined || name.startsWith('.') || !names.has(name)) return null
    const [encoding, ending] = ENCODINGS.find(
      ([one, suffix]) => names.has(`${name}${suffix}`) && takes(request, one),
    ) ?? [null, '']
    const bytes = await this.#bytes(`${name}${ending}`)
    const etag = `"${hashOf(bytes)}"`
    const headers = new Headers({
      'content-type': type,
      'cache-control': name.startsWith(HASHED) ? YEAR : 'no-cache',
      vary: 'Accept-Encoding',
      etag,
    })
    if (encoding !== null) headers.set('content-encoding', encoding)
    if (request.headers.get('if-none-match') === etag)
      return new Response(null, { status: 304, headers })
    headers.set('content-length', String(bytes.byteLength))
    return new Response(request.method === 'HEAD' ? null : new Uint8Array(bytes), { headers })
  }

  async #findEntry(): Promise<EntryFiles | null> {
    const names = await this.#list()
    if (!names.has(MANIFEST)) return null
    const manifest = JSON.parse(String(await this.#bytes(MANIFEST))) as Record<string, Chunk>
    const entry = Object.values(manifest).find(({ isEntry }) => isEntry === true)
    if (entry === undefined) return null
    const chunks = new Set<Chunk>([entry])
    for (const chunk of chunks)
      for (const name of chunk.imports ?? [])
        if (manifest[name] !== undefined) chunks.add(manifest[name])
    return {
      script: entry.file,
      styles: [...new Set([...chunks].flatMap(({ css = [] }) => css))],
      preloads: [...chunks].filter((chunk) => chunk !== entry).map(({ file }) => file),
    }
  }

  #list(): Promise<ReadonlySet<string>> {
    this.#names ??= listOf(this.#folder)
    return this.#names
  }

  #bytes(name: string): Promise<Buffer> {
    const known = this.#read.get(name) ?? readFile(path.join(this.#folder ?? '', name))
    this.#read.set(name, known)
    return known
  }
}

async function listOf(folder: string | null): Promise<ReadonlySet<string>> {
  if (folder === null) return new Set()
  const entries = await readdir(folder, { recursive: true, withFileTypes: true })
  return new Set(
    entries
      .filter((entry) => entry.isFile())
      .map((entry) => path.relative(folder, path.join(entry.parentPath, entry.name)))
      .map((name) => name.split(path.sep).join('/')),
  )
}

/** Beside the compiled package, or in `dist` of a clone whose sources run. */
function folderOf(): string | null {
  const places = ['../dashboard/', '../../dist/dashboard/']
  const folders = places.map((place) => fileURLToPath(new URL(place, import.meta.url)))
  return folders.find((folder) => existsSync(path.join(folder, MANIFEST))) ?? null
}
