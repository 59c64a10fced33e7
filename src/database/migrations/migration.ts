import type { Names } from '../names.ts'

/** One step of a schema: plain statements up and down, run in one transaction each way. */
export interface Migration {
  readonly version: number
  readonly up: (t: Names) => readonly string[]
  readonly down: (t: Names) => readonly string[]
}

/** A line of versions of its own: the core has one, and so has each plugin that owns tables. */
export interface Migrations {
  /** 'chancy.core', 'chancy.cron' … */
  readonly line: string
  /** In order, from version 1, without gaps. */
  readonly steps: readonly Migration[]
}

export function migration(
  version: number,
  step: { readonly up: Migration['up']; readonly down: Migration['down'] },
): Migration {
  return Object.freeze({ version, ...step })
}
