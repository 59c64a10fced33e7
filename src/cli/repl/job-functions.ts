import { isJobFunction } from '../../core/job.ts'
import { moduleUrls } from '../../executors/job-modules.ts'
import type { JobSource } from '../../index.ts'

type JobFunction = Exclude<JobSource, string | URL>

/** The job functions of these sources by the names of their jobs. Loads their modules. */
export async function jobFunctions(
  sources: readonly JobSource[],
): Promise<Map<string, JobFunction>> {
  const found = new Map<string, JobFunction>()
  const add = (value: unknown): void => {
    if (isJobFunction(value)) found.set((value as JobFunction).job.name, value as JobFunction)
  }
  for (const source of sources) add(source)
  const modules = sources.filter((one) => typeof one === 'string' || one instanceof URL)
  for (const url of await moduleUrls(modules.map(String))) {
    const exported = (await import(url)) as Record<string, unknown>
    // A module of CommonJS exports an object by default.
    const inner = typeof exported.default === 'object' ? Object.values(exported.default ?? {}) : []
    for (const value of [...Object.values(exported), ...inner]) add(value)
  }
  return found
}
