import { brandClass } from './brand.ts'
import { inspect } from './check.ts'
import { ConfigError } from './errors.ts'
import { isId } from './reference.ts'

declare const OUTPUT: unique symbol

/**
 * The id of a pushed workflow: enough to get it, wait for it, cancel it. Also made from the text of an id that was kept
 * somewhere: `WorkflowReference.from(text)`. Equal when the ids are.
 */
export class WorkflowReference<out O = unknown> {
  readonly id: string
  /** False when a push found a workflow with its unique key and this is the reference of that one. */
  readonly created: boolean
  /** What the workflow gives; exists for the compiler only. */
  declare readonly [OUTPUT]?: O

  /** @throws {ConfigError} when `id` is no UUID */
  constructor(id: string, created = false) {
    this.id = checkedId(id)
    this.created = created
    Object.freeze(this)
  }

  /**
   * A reference from the text of an id.
   *
   * @throws {ConfigError} when it is no UUID
   */
  static from<O = unknown>(id: string): WorkflowReference<O> {
    return new WorkflowReference<O>(id)
  }

  /** Whether both are of the same workflow. */
  equals(other: { readonly id: string }): boolean {
    return this.id === other.id.toLowerCase()
  }

  /** The id of the workflow. */
  toString(): string {
    return this.id
  }

  /** In arguments and in logs a reference is its id. */
  toJSON(): string {
    return this.id
  }
}

brandClass(WorkflowReference, 'WorkflowReference')

/** A workflow by its reference, its snapshot, or the text of its id. */
export type WorkflowId<O = unknown> = WorkflowReference<O> | { readonly id: string } | string

/** @throws {ConfigError} when it is no id */
export function workflowIdOf(ref: WorkflowId): string {
  return checkedId(typeof ref === 'object' && ref !== null ? ref.id : ref)
}

function checkedId(id: unknown): string {
  if (isId(id)) return id.toLowerCase()
  throw new ConfigError(
    `WorkflowReference: expected the id of a workflow, a UUID, got ${inspect(id)}.`,
  )
}
