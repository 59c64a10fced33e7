import type { JobDefinition } from '../../core/definition.ts'
import { loadJobs } from '../job-modules.ts'
import type { ChildOrders } from '../protocol.ts'

/** Loads the modules that a child was told to, TypeScript through the loader that goes with them. */
export async function loadOrdered({
  jobs,
  loader,
}: ChildOrders): Promise<Map<string, JobDefinition>> {
  if (loader !== null) {
    const { register } = (await import(loader)) as { readonly register: () => void }
    register()
  }
  return loadJobs(jobs)
}
