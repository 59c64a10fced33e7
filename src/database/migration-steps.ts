import { MigrationsNeededError } from '../core/errors.ts'
import type { Migration, Migrations } from './migrations/migration.ts'
import type * as sql from './statements/migrations.ts'

/** Which step a line of versions takes next, from what is in the schema. Every step is a transaction or follows one. */

/** In place of the number of steps that were done: all are undone, and the transaction is left to go down. */
export const UNDONE = -1

export type State = Pick<sql.VersionRow, 'version' | 'begun' | 'steps_done' | 'serves'>
export const NOTHING: State = { version: 0, begun: 0, steps_done: 0, serves: 0 }

/** The transaction of a version, either way. */
export interface OwnStep {
  readonly kind: 'up' | 'down'
  readonly migration: Migration
}

/** What comes after it: the step of this index, or all of them backwards. */
export interface Later {
  readonly kind: 'after' | 'undo'
  readonly migration: Migration
  readonly index: number
}

export function nextStep(
  line: Migrations,
  { version, begun, steps_done: done, serves }: State,
  target: number,
  isNewest: boolean,
): OwnStep | Later | null {
  if (begun > line.steps.length) {
    // A newer release has migrated: there is nothing to do for one that it serves.
    if (isNewest && serves <= target) return null
    throw new MigrationsNeededError(
      `"${line.line}" is at version ${begun}, which this release (${line.steps.length}) does not know. Use the release that migrated the schema.`,
      { details: { line: line.line, have: begun, want: target } },
    )
  }
  const last = line.steps[begun - 1]
  if (last !== undefined && begun > target) {
    const isUndone = (last.after ?? []).length === 0 || done === UNDONE
    return isUndone
      ? { kind: 'down', migration: last }
      : { kind: 'undo', migration: last, index: 0 }
  }
  if (last !== undefined && version < begun)
    return { kind: 'after', migration: last, index: Math.max(done, 0) }
  const next = line.steps[begun]
  return begun < target && next !== undefined ? { kind: 'up', migration: next } : null
}

/** The state that a step leaves behind. */
export function stateAfter(state: State, step: OwnStep | Later): State {
  const { version, after: later = [] } = step.migration
  switch (step.kind) {
    case 'up':
      return {
        ...state,
        begun: version,
        version: later.length === 0 ? version : state.version,
        steps_done: 0,
      }
    case 'after': {
      const isWhole = step.index + 1 >= later.length
      return { ...state, steps_done: step.index + 1, version: isWhole ? version : state.version }
    }
    case 'undo':
      return { ...state, version: version - 1, steps_done: UNDONE }
    default:
      // What came before is complete, or the version would not have begun.
      return { ...state, begun: version - 1, version: version - 1, steps_done: 0 }
  }
}
