import type { WireJobCount, WireJobRow, WirePage } from '../../../src/http/wire.ts'
import { countJobs } from '../../api/jobs.ts'
import { Empty } from '../../components/panel.tsx'
import { filterTerms } from '../../filter-words.ts'
import { useLoad } from '../../loading.ts'
import { boundedText } from '../../numbers.ts'
import { toJobs } from '../../router.ts'
import { stampText } from '../../time.ts'

/** Why no job fits: which of the terms excludes them, by the count without it. */
export function NoJob({ q, page }: { q: string; page: WirePage<WireJobRow> | null }) {
  const terms = filterTerms(q)
  const counts = useLoad(terms.length < 2 || terms.length > 6 ? null : `without ${q}`, (signal) =>
    Promise.all(terms.map((term) => countWithout(terms, term, signal))),
  )
  if (terms.length === 0)
    return (
      <Empty
        title="No job yet"
        command={`await chancy.push(sendMail.job.withArgs({ to: 'ada@example.org' }))`}
        what="Example"
      >
        Push a first one from your application, or with the command <code>chancy job push</code>.
      </Empty>
    )
  const reached = page?.reached ?? null
  const ways = counts.data?.filter(({ count }) => count.jobs > 0) ?? []
  return (
    <Empty
      title={
        page?.complete === false && reached !== null
          ? `No job that fits since ${stampText(Date.parse(reached))}`
          : 'No job fits'
      }
    >
      {ways.map(({ term, rest, count }) => (
        <span class="line" key={term}>
          Without <code>{term}</code> there are{' '}
          <a href={toJobs(rest)}>{boundedText(count.jobs, { more: count.more })}</a>.
        </span>
      ))}
      {ways.length === 0 && terms.length > 0 && (
        <span class="line">
          <a href={toJobs('')}>All jobs</a>
        </span>
      )}
    </Empty>
  )
}

async function countWithout(
  terms: readonly string[],
  term: string,
  signal: AbortSignal,
): Promise<{ term: string; rest: string; count: WireJobCount }> {
  const rest = terms.filter((one) => one !== term).join(' ')
  return { term, rest, count: await countJobs(rest, signal) }
}
