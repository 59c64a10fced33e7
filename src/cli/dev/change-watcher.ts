import { type FSWatcher, watch } from 'node:fs'
import { callAfter, callEvery, systemClock } from '../../core/clock.ts'
import { changedModules, isModule, type ModuleTree, readTree } from './module-tree.ts'

/** How long nothing more may change before a change is reported, in milliseconds: an editor writes in steps. */
const SETTLE_MS = 100
/** A folder in which something happens all the time is read after this time nevertheless, in milliseconds. */
const MAX_SETTLE_MS = 2_000
/** How often folders are read where the system watches none, or where one of them is missing. */
const POLL_MS = 1_000

export interface ChangeListener {
  /** Is called with the modules that changed, 100 ms after the last of them. */
  onChange(modules: readonly string[]): void
  /** Is called with what limits the watching, once for each reason. */
  onLimit(message: string): void
}

/**
 * Watches folders with all that is below them, one watch a folder. An event only says that something happened: what
 * changed is found by comparing two readings of the folders, so that neither a lost event nor a needless one
 * matters.
 */
export class ChangeWatcher {
  readonly #listener: ChangeListener
  readonly #ignored: ReadonlySet<string>
  readonly #roots = new Set<string>()
  readonly #watches = new Map<string, { readonly id: string; readonly watcher: FSWatcher }>()
  readonly #limits = new Set<string>()
  #modules: ModuleTree['modules'] | null = null
  #cancelReading: (() => void) | null = null
  #firstAt: number | null = null
  #endPolling: (() => void) | null = null
  #isRefused = false
  #isClosed = false

  constructor(listener: ChangeListener, ignored: Iterable<string> = []) {
    this.#listener = listener
    this.#ignored = new Set(ignored)
  }

  /** Watches these folders too. What they hold now is not a change. */
  add(roots: Iterable<string>): void {
    const before = this.#roots.size
    for (const root of roots) this.#roots.add(root)
    if (this.#isClosed || this.#roots.size === before) return
    const known = this.#modules ?? new Map()
    const found = this.#read()
    // A module that is known and has changed meanwhile is still reported.
    this.#modules = new Map([...found, ...known])
    this.#readSoon()
  }

  close(): void {
    this.#isClosed = true
    this.#cancelReading?.()
    this.#endPolling?.()
    for (const { watcher } of this.#watches.values()) watcher.close()
    this.#watches.clear()
  }

  #readSoon(): void {
    if (this.#isClosed) return
    const now = systemClock.monotonic()
    this.#firstAt ??= now
    this.#cancelReading?.()
    const waitMs = Math.max(0, Math.min(SETTLE_MS, this.#firstAt + MAX_SETTLE_MS - now))
    this.#cancelReading = callAfter(systemClock, waitMs, () => this.#compare())
  }

  #compare(): void {
    this.#firstAt = null
    const before = this.#modules ?? new Map()
    this.#modules = this.#read()
    const changed = changedModules(before, this.#modules)
    if (changed.length > 0) this.#listener.onChange(changed)
  }

  /** Reads the folders until each of them was watched before it was read. */
  #read(): ModuleTree['modules'] {
    for (;;) {
      const tree = readTree(this.#roots, this.#ignored)
      if (tree.isCut) {
        this.#limit(
          `more than ${tree.folders.size.toLocaleString('en')} folders are there, and the rest is not watched: put the application and its jobs into a folder of their own`,
        )
      }
      const isMissing = [...this.#roots].some((root) => !tree.folders.has(root))
      if (!this.#watch(tree.folders)) {
        this.#poll(isMissing || this.#isRefused)
        return tree.modules
      }
    }
  }

  /** Whether a folder is watched that was not before. */
  #watch(folders: ModuleTree['folders']): boolean {
    for (const [folder, { id, watcher }] of this.#watches) {
      if (folders.get(folder) === id) continue
      watcher.close()
      this.#watches.delete(folder)
    }
    let isNew = false
    for (const [folder, id] of folders) {
      if (this.#watches.has(folder) || this.#isRefused) continue
      const watcher = this.#start(folder)
      if (watcher === null) continue
      this.#watches.set(folder, { id, watcher })
      isNew = true
    }
    return isNew
  }

  #start(folder: string): FSWatcher | null {
    try {
      const watcher = watch(folder, (event, name) => {
        // A file that a job writes to all the time, such as a log, is none of the modules.
        if (event === 'rename' || name === null || isModule(name)) this.#readSoon()
      })
      watcher.on('error', () => {
        watcher.close()
        this.#watches.delete(folder)
        this.#readSoon()
      })
      return watcher
    } catch (error) {
      const { code, message } = error as NodeJS.ErrnoException
      // It has vanished: the next reading does not find it.
      if (code === 'ENOENT' || code === 'ENOTDIR') return null
      this.#isRefused = true
      const why =
        code === 'ENOSPC' || code === 'EMFILE'
          ? 'the system allows no more watches of folders (fs.inotify.max_user_watches, max_user_instances)'
          : message
      this.#limit(`${why}: the folders are read each second instead`)
      return null
    }
  }

  #poll(isNeeded: boolean): void {
    if (!isNeeded) {
      this.#endPolling?.()
      this.#endPolling = null
    } else {
      this.#endPolling ??= callEvery(systemClock, POLL_MS, () => this.#readSoon())
    }
  }

  #limit(message: string): void {
    if (this.#limits.has(message)) return
    this.#limits.add(message)
    this.#listener.onLimit(message)
  }
}
