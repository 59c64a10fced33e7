import type { WireCut, WireJob } from '../../../src/http/wire.ts'
import { type JobPart, partAddress } from '../../api/jobs.ts'
import { CopyButton } from '../../components/copy.tsx'
import { JsonTree, readJson } from '../../components/json-tree.tsx'
import { Meter } from '../../components/meter.tsx'
import { bytesText, percentText } from '../../numbers.ts'

/** Its JSON: what was asked for, what it gave, how far it is. */
export function JobParts({ job }: { job: WireJob }) {
  const parts: readonly [string, JobPart | null, WireCut | null][] = [
    ['Progress', 'progress', job.progress],
    ['Args', 'args', job.args],
    ['Result', 'result', job.result],
    ['Meta', 'meta', job.meta],
    ['Values', null, job.values],
  ]
  return (
    <>
      {parts.map(([title, part, cut]) =>
        cut === null || isEmpty(cut) ? null : (
          <Part key={title} title={title} part={part} cut={cut} id={job.id} />
        ),
      )}
    </>
  )
}

const isEmpty = ({ json }: WireCut) => json === '' || json === 'null' || json === '{}'

function Part(props: { title: string; part: JobPart | null; cut: WireCut; id: string }) {
  const { title, part, cut, id } = props
  const share = title === 'Progress' ? shareOf(cut.json) : null
  return (
    <section class="panel" aria-label={title}>
      <header>
        <h2>{title}</h2>
        <div class="end">
          <span>{bytesText(cut.bytes)}</span>
          <CopyButton text={cut.json} what={title} />
          {cut.isCut && part !== null && (
            <a href={partAddress(id, part)} download={`${id}-${part}.json`}>
              All of it ({bytesText(cut.bytes)})
            </a>
          )}
        </div>
      </header>
      <div class="body">
        {share !== null && (
          <p class="progress">
            <Meter part={share} of={1} /> {percentText(share)}
          </p>
        )}
        <JsonTree node={readJson(cut.json)} />
      </div>
    </section>
  )
}

/** A progress that is a share: a number up to 1, or `{ done, total }`. */
export function shareOf(json: string): number | null {
  try {
    const value = JSON.parse(json) as unknown
    if (typeof value === 'number' && value >= 0 && value <= 1) return value
    const { done, total } = (value ?? {}) as { done?: unknown; total?: unknown }
    if (typeof done === 'number' && typeof total === 'number' && total > 0) return done / total
  } catch {}
  return null
}
