import type { WireFailure } from '../../../src/http/wire.ts'
import { act } from '../../acting.ts'
import { markFailure } from '../../api/failures.ts'
import { BulkDialog } from '../../components/bulk-dialog.tsx'
import { ActionButton } from '../../components/button.tsx'
import { openDialog } from '../../components/dialog.tsx'
import { reload } from '../../live.ts'

/** Slow, so that a service that broke is not run over. */
const RETRY_PER_SECOND = 10

/** Retry all, mute and resolve a group. The keys are those of its own page. */
export function FailureActs(props: { failure: WireFailure; after: () => void; small?: boolean }) {
  const { failure, small = false } = props
  const { fingerprint, state, name } = failure
  const key = (one: string) => (small ? { rowKey: one } : { keys: one })
  const after = () => {
    props.after()
    reload()
  }
  const mark = (verb: 'mute' | 'unmute' | 'resolve', done: string, back: 'unmute' | 'mute') =>
    void act({
      run: () => markFailure(fingerprint, verb),
      done: () => `${name}: ${done}`,
      undo: () => () => markFailure(fingerprint, back),
      after,
    })
  return (
    <>
      <ActionButton
        verb="bulk.run"
        small={small}
        icon="again"
        {...key('t')}
        says="retry all of them"
        label={`Retry the failed jobs of ${name}`}
        {...(small ? {} : { tone: 'main' as const })}
        onRun={() =>
          openDialog(() => (
            <BulkDialog
              action="retry"
              target={{ filter: `failure:${fingerprint} state:failed` }}
              ratePerSecond={RETRY_PER_SECOND}
              after={after}
            />
          ))
        }
      >
        Retry…
      </ActionButton>
      {state === 'muted' ? (
        <ActionButton
          verb="failures.act"
          small={small}
          {...key('m')}
          says="unmute"
          label={`Unmute ${name}`}
          onRun={() => mark('unmute', 'open again', 'mute')}
        >
          Unmute
        </ActionButton>
      ) : (
        <ActionButton
          verb="failures.act"
          small={small}
          {...key('m')}
          says="mute"
          label={`Mute ${name}`}
          onRun={() => mark('mute', 'muted', 'unmute')}
        >
          Mute
        </ActionButton>
      )}
      {state === 'open' && (
        <ActionButton
          verb="failures.act"
          small={small}
          icon="check"
          {...key('s')}
          says="resolve"
          label={`Resolve ${name}`}
          onRun={() =>
            mark('resolve', 'resolved; it is shown as "again" when it comes back', 'unmute')
          }
        >
          Resolve
        </ActionButton>
      )}
    </>
  )
}
