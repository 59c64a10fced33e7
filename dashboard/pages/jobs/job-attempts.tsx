import { useState } from 'preact/hooks'
import type { WireAttemptError, WireJob } from '../../../src/http/wire.ts'
import { partAddress } from '../../api/jobs.ts'
import { Stamp } from '../../components/ago.tsx'
import { CopyButton } from '../../components/copy.tsx'
import { Panel } from '../../components/panel.tsx'
import { useKeys } from '../../keys.ts'
import { bytesText } from '../../numbers.ts'
import { to } from '../../router.ts'
import { spanText } from '../../time.ts'

/** Failed attempts, the newest first. The arrows move between them. */
export function JobAttempts({ job }: { job: WireJob }) {
  const errors = [...job.errors.items].reverse()
  const [at, setAt] = useState(0)
  const shown = errors[Math.min(at, errors.length - 1)]!
  const move = (by: number) => setAt(Math.min(errors.length - 1, Math.max(0, at + by)))
  useKeys(
    () => [
      { keys: 'ArrowLeft', says: 'attempt before', of: 'This page', run: () => move(1) },
      { keys: 'ArrowRight', says: 'next attempt', of: 'This page', run: () => move(-1) },
    ],
    [at, errors.length],
  )
  return (
    <Panel
      title={`${job.errors.total === 1 ? 'Failed attempt' : `${job.errors.total} failed attempts`}`}
      state={{ data: shown, at: null, problem: null }}
      end={job.fingerprint !== null && <a href={to('failures', job.fingerprint)}>Failures alike</a>}
    >
      {(error) => (
        <>
          {errors.length > 1 && (
            <div class="tabs in-panel">
              {errors.map((one, index) => (
                <button
                  type="button"
                  key={one.attempt}
                  aria-pressed={index === at}
                  onClick={() => setAt(index)}
                >
                  {one.attempt}
                </button>
              ))}
            </div>
          )}
          <Attempt error={error} />
          {job.errors.isCut && (
            <p class="body soft">
              Older or longer ones are cut off:{' '}
              <a href={partAddress(job.id, 'errors')} download={`${job.id}-errors.json`}>
                all of them ({bytesText(job.errors.bytes)})
              </a>
            </p>
          )}
        </>
      )}
    </Panel>
  )
}

function Attempt({ error }: { error: WireAttemptError }) {
  const { usage } = error
  const cost = [
    usage !== null && `${spanText(usage.wallMs)} wall`,
    usage?.cpuMs != null && `${spanText(usage.cpuMs)} CPU`,
    usage?.peakBytes != null && `${bytesText(usage.peakBytes)} peak`,
  ].filter(Boolean)
  return (
    <div class="body attempt">
      <p class="soft">
        Attempt {error.attempt} · {KINDS[error.kind] ?? error.kind} · <Stamp at={error.at} />
        {cost.length > 0 && ` · ${cost.join(' · ')}`}
      </p>
      <p class="error-text">
        <b>{error.name}</b>
        {error.message !== '' && `: ${error.message}`}
      </p>
      {error.stack !== null && <Stack stack={error.stack} />}
    </div>
  )
}

const KINDS: Readonly<Record<string, string>> = {
  error: 'it threw',
  timeout: 'it took too long',
  memory: 'it took too much memory',
  crash: 'its process ended, or its worker was lost',
  cancelled: 'it was cancelled',
  discarded: 'it gave up by itself',
  'limit-not-supported': 'its limit cannot be enforced by this executor',
  'result-not-storable': 'its result cannot be stored',
  'not-saved': 'PostgreSQL refused its outcome',
}

/** Frames of the application first; those of packages and of Node stand behind a switch. */
function Stack({ stack }: { stack: string }) {
  const lines = stack.split('\n')
  const isFrame = (line: string) => /^\s+at /.test(line)
  const isForeign = (line: string) => isFrame(line) && /node_modules|node:|<anonymous>$/.test(line)
  const own = lines.filter((line) => !isForeign(line))
  const hidden = lines.length - own.length
  return (
    <details class="stack" open>
      <summary>Stack</summary>
      <div class="stack-text">
        <CopyButton text={stack} what="Stack" />
        <pre>{own.join('\n')}</pre>
      </div>
      {hidden > 0 && (
        <details>
          <summary>with {hidden} frames of packages and Node</summary>
          <pre>{stack}</pre>
        </details>
      )}
    </details>
  )
}
