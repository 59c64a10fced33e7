import type { WireWorker } from '../../../src/http/wire.ts'
import { StateMark } from '../../components/state-mark.tsx'
import { now, spanText } from '../../time.ts'

export function slotsOf({ slots }: WireWorker): [busy: number, all: number] {
  const sum = (some: readonly number[]) => some.reduce((total, one) => total + one, 0)
  return [sum((slots ?? []).map(({ busy }) => busy)), sum((slots ?? []).map(({ slots }) => slots))]
}

/** Alive, not seen for a while, or lost: a lease that is doubted does not say that it is dead. */
export function WorkerState({ worker }: { worker: WireWorker }) {
  const [renewed, expires] = [Date.parse(worker.renewedAt), Date.parse(worker.expiresAt)]
  const unseen = now.value - renewed
  if (!worker.alive) return <StateMark state="lost" />
  if (unseen > (expires - renewed) / 2)
    return (
      <StateMark
        state="doubted"
        word={`not seen for ${spanText(Math.round(unseen / 1_000) * 1_000)}`}
      />
    )
  return <StateMark state="alive" />
}
