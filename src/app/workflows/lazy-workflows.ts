import type { WorkflowActions, WorkflowActionsOptions } from './workflow-actions.ts'

/** Loads what works with workflows at its first use: a producer of plain jobs loads none of it. */
export class LazyWorkflows {
  readonly #options: WorkflowActionsOptions
  #loading: Promise<WorkflowActions> | null = null

  constructor(options: WorkflowActionsOptions) {
    this.#options = options
  }

  load(): Promise<WorkflowActions> {
    this.#loading ??= import('./workflow-actions.ts').then(
      ({ WorkflowActions: Actions }) => new Actions(this.#options),
    )
    return this.#loading
  }

  /** Ends the waits, where there are any. */
  async close(): Promise<void> {
    await (await this.#loading)?.close()
  }
}
