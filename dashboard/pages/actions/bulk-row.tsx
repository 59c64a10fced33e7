import type { WireBulk } from '../../../src/http/wire.ts'
import { act } from '../../acting.ts'
import { setBulkRate, steerBulk } from '../../api/bulk.ts'
import { Ago, Stamp } from '../../components/ago.tsx'
import { ActionButton } from '../../components/button.tsx'
import { closeDialog, openDialog } from '../../components/dialog.tsx'
import { Meter } from '../../components/meter.tsx'
import { ReasonDialog } from '../../components/reason-dialog.tsx'
import { StateMark } from '../../components/state-mark.tsx'
import { withoutFrozenBound } from '../../filter-words.ts'
import { useTopic } from '../../live.ts'
import { countText, plural } from '../../numbers.ts'
import { toJobs } from '../../router.ts'
import { now, spanText } from '../../time.ts'

const ENDED: readonly string[] = ['done', 'stopped']

/** Keys of the row that has the focus. */
export const BULK_KEYS = {
  '-': 'half as fast',
  '+': 'twice as fast',
  p: 'pause or continue it',
  Backspace: 'stop it',
  u: 'take it back',
}

/** One action on many jobs: how far, at which rate, what was left out and why; to slow, stop or take back. */
export function BulkRow({ bulk: first, after }: { bulk: WireBulk; after: () => void }) {
  const isOver = ENDED.includes(first.state) || first.finishedAt !== null
  const live = useTopic(isOver ? null : `bulk:${first.id}`)
  const bulk = live.data ?? first
  const { id, ratePerSecond, state } = bulk
  const runs = bulk.finishedAt === null && !ENDED.includes(state)
  const undoMs = bulk.undoUntil === null ? 0 : Date.parse(bulk.undoUntil) - now.value
  const startsMs = Date.parse(bulk.startsAt) - now.value
  const steer = (
    verb: 'pause' | 'resume' | 'stop' | 'undo',
    done: string,
    reason: string | null = null,
  ) => void act({ run: () => steerBulk(id, verb, reason), done: () => done, after })
  const rate = (factor: number) => {
    const next = Math.min(2_000, Math.max(1, Math.round(ratePerSecond * factor)))
    void act({ run: () => setBulkRate(id, next), done: () => `${next} jobs a second`, after })
  }
  return (
    <li data-row="">
      <div class="bulk-line">
        <StateMark state={state} />
        <b>{bulk.action}</b>
        {bulk.filter !== null && (
          <a class="name" href={toJobs(bulk.filter)} title={bulk.filter}>
            <code>{withoutFrozenBound(bulk.filter)}</code>
          </a>
        )}
        {bulk.ids !== null && <span>{plural(bulk.ids, 'job')}</span>}
        <span class="soft name">{bulk.actor?.name ?? bulk.actor?.id ?? ''}</span>
        {bulk.reason !== null && <q class="name">{bulk.reason}</q>}
        <span class="soft end">
          {runs ? <Ago at={bulk.createdAt} /> : <Stamp at={bulk.finishedAt ?? bulk.createdAt} />}
        </span>
      </div>
      <div class="bulk-line">
        <span>
          <b class="good">{countText(bulk.done)}</b> done
        </span>
        <span class={bulk.skipped > 0 ? '' : 'soft'}>{countText(bulk.skipped)} skipped</span>
        <span class={bulk.failed > 0 ? 'bad' : 'soft'}>{countText(bulk.failed)} failed</span>
        {Object.entries(bulk.reasons).map(([code, jobs]) => (
          <span class="soft" key={code}>
            {countText(jobs)} {code}
          </span>
        ))}
        {runs && startsMs > 0 && <span class="warn">starts in {spanText(startsMs)}</span>}
        {runs && <span class="soft">at {ratePerSecond}/s</span>}
        {bulk.ids !== null && (
          <Meter
            part={bulk.done + bulk.skipped + bulk.failed}
            of={bulk.ids}
            tone={bulk.failed > 0 ? 'bad' : runs ? '' : 'good'}
          />
        )}
        <span class="acts end">
          {runs && (
            <>
              <ActionButton
                verb="bulk.run"
                small
                rowKey="-"
                label="Half as fast"
                onRun={() => rate(0.5)}
              >
                Slower
              </ActionButton>
              <ActionButton
                verb="bulk.run"
                small
                rowKey="+"
                label="Twice as fast"
                onRun={() => rate(2)}
              >
                Faster
              </ActionButton>
              {state === 'paused' ? (
                <ActionButton
                  verb="bulk.run"
                  small
                  rowKey="p"
                  icon="play"
                  onRun={() => steer('resume', 'It continues')}
                >
                  Continue
                </ActionButton>
              ) : (
                <ActionButton
                  verb="bulk.run"
                  small
                  rowKey="p"
                  icon="pause"
                  onRun={() => steer('pause', 'It is paused')}
                >
                  Pause
                </ActionButton>
              )}
              <ActionButton
                verb="bulk.run"
                small
                rowKey="Backspace"
                icon="stop"
                onRun={() =>
                  openDialog(() => (
                    <ReasonDialog
                      title={`Stop it: ${bulk.action}`}
                      text="No further job is acted on, and it cannot be continued. What is done stays."
                      confirm="Stop"
                      isDanger
                      onConfirm={(reason) => {
                        closeDialog()
                        steer('stop', 'It is stopped; what is done stays', reason)
                      }}
                    />
                  ))
                }
              >
                Stop…
              </ActionButton>
            </>
          )}
          {undoMs > 0 && bulk.undoneBy === null && (
            <ActionButton
              verb="bulk.run"
              small
              rowKey="u"
              icon="undo"
              onRun={() => steer('undo', 'It is being taken back')}
            >
              Undo · {spanText(Math.floor(undoMs / 60_000) * 60_000 || undoMs)} left
            </ActionButton>
          )}
        </span>
      </div>
    </li>
  )
}
