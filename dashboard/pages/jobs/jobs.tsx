import type { PageProps } from '../page-props.ts'
import { JobPage } from './job.tsx'
import { JobList } from './job-list.tsx'

/** Where is that job, and which ones are like it? Or one of them. */
export default function Jobs({ parts: [id] }: PageProps) {
  return id === undefined ? <JobList /> : <JobPage key={id} id={id} />
}
