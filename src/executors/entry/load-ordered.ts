import type { JobDefinition } from '../../core/definition.ts'
import { loadJobs, moduleUrls } from '../job-modules.ts'
import type { ChildOrders } from '../protocol.ts'
import { loaderFor } from './typescript-loader.ts'

/**
 * Loads the modules that a child was told to, TypeScript through the loader that goes with them, and
 * tells the parent which before each: one that never finishes cannot say so itself.
 */
export async function loadOrdered(
  { jobs }: ChildOrders,
  send: (lines: string) => void,
): Promise<Map<string, JobDefinition>> {
  const urls = await moduleUrls(jobs)
  const loader = loaderFor(urls)
  if (loader !== null) {
    const { register } = (await import(loader)) as { readonly register: () => void }
    register()
  }
  return loadJobs(urls, { onLoading: (url) => send(`m\t${JSON.stringify(url)}\n`) })
}
