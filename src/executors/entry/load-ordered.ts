import type { JobDefinition } from '../../core/definition.ts'
import { loadJobs } from '../job-modules.ts'
import type { ChildOrders } from '../protocol.ts'

/**
 * Loads the modules that a child was told to, TypeScript through the loader that goes with them, and
 * tells the parent which before each: one that never finishes cannot say so itself.
 */
export async function loadOrdered(
  { jobs, loader }: ChildOrders,
  send: (lines: string) => void,
): Promise<Map<string, JobDefinition>> {
  if (loader !== null) {
    const { register } = (await import(loader)) as { readonly register: () => void }
    register()
  }
  return loadJobs(jobs, { onLoading: (url) => send(`m\t${JSON.stringify(url)}\n`) })
}
