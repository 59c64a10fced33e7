import { type BigIntStats, type Dirent, lstatSync, readdirSync, statSync } from 'node:fs'
import path from 'node:path'

/** What a change of makes the worker start again. */
const MODULE = /\.([cm]?[jt]sx?|json)$/
/** More folders than a project has: a mistake, such as an application in the home directory. */
const MAX_FOLDERS = 5_000

/** What a tree of folders holds at one time. */
export interface ModuleTree {
  /** Each folder with what tells it from another one that later has its path. */
  readonly folders: ReadonlyMap<string, string>
  /** Each module with what changes when it is written. */
  readonly modules: ReadonlyMap<string, string>
  /** Whether there are more folders than are followed. */
  readonly isCut: boolean
}

/**
 * Reads the folders below the roots, without `node_modules`, dot folders and what is ignored. Links to folders are
 * not followed. What vanishes meanwhile is left out.
 */
export function readTree(roots: Iterable<string>, ignored: ReadonlySet<string>): ModuleTree {
  const folders = new Map<string, string>()
  const modules = new Map<string, string>()
  const waiting = [...roots]
  for (let at = waiting.pop(); at !== undefined; at = waiting.pop()) {
    const stat = folders.has(at) ? null : attempt(() => lstatSync(at, { bigint: true }))
    const entries = stat?.isDirectory() ? attempt(() => entriesOf(at)) : null
    if (stat === null || entries === null) continue
    if (folders.size === MAX_FOLDERS) return { folders, modules, isCut: true }
    // A folder that was removed leaves its number to the next one.
    folders.set(at, `${stat.ino} ${stat.birthtimeNs}`)
    for (const entry of entries) {
      const file = path.join(at, entry.name)
      if (entry.isDirectory()) {
        if (isFollowed(entry.name) && !ignored.has(file)) waiting.push(file)
      } else if (isModule(entry.name)) {
        const found = attempt(() => statSync(file, { bigint: true }))
        if (found?.isFile()) modules.set(file, stampOf(found))
      }
    }
  }
  return { folders, modules, isCut: false }
}

/** The modules that were added, written or removed between two readings, in order. */
export function changedModules(
  before: ModuleTree['modules'],
  after: ModuleTree['modules'],
): string[] {
  const files = new Set([...before.keys(), ...after.keys()])
  return [...files].filter((file) => before.get(file) !== after.get(file)).sort()
}

/** Whether the name is one of a module. */
export function isModule(name: string): boolean {
  return MODULE.test(name)
}

function isFollowed(name: string): boolean {
  return name !== 'node_modules' && !name.startsWith('.')
}

/** The time of the last change of a file cannot be set by a program, unlike that of its content. */
function stampOf({ ino, size, ctimeNs }: BigIntStats): string {
  return `${ino} ${size} ${ctimeNs}`
}

function entriesOf(folder: string): Dirent[] {
  return readdirSync(folder, { withFileTypes: true })
}

function attempt<T>(read: () => T): T | null {
  try {
    return read()
  } catch {
    return null
  }
}
