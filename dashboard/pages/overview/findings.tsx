import { useState } from 'preact/hooks'
import type { WireFinding, WireOverview } from '../../../src/http/wire.ts'
import { Since } from '../../components/ago.tsx'
import { Icon } from '../../components/icon.tsx'
import { type Advice, adviceOf } from './finding-advice.tsx'

/** More than these would push the charts off the screen. */
const FEW = 5

/** What needs attention: since when, what to do, and the page where it is done. */
export function Findings({ overview }: { overview: WireOverview }) {
  const { findings } = overview
  const [isWhole, setWhole] = useState(false)
  const rest = findings.length - FEW
  return (
    <ul class="findings">
      {findings.slice(0, isWhole || rest === 1 ? undefined : FEW).map((one) => (
        <Finding key={`${one.kind} ${one.subject}`} found={one} advice={adviceOf(one, overview)} />
      ))}
      {rest > 1 && !isWhole && (
        <li class="more">
          <button type="button" class="button small" onClick={() => setWhole(true)}>
            {rest} more
          </button>
        </li>
      )}
    </ul>
  )
}

function Finding({ found, advice }: { found: WireFinding; advice: Advice }) {
  return (
    <li data-row="">
      <Icon
        name={found.kind === 'queue-paused' ? 'pause' : 'warning'}
        class={found.level === 'error' ? 'bad' : 'warn'}
      />
      <div class="what">
        <a class="finding name" href={advice.href}>
          {found.text}
        </a>
        <span class="soft line name advice">{advice.what}</span>
      </div>
      {found.since === null ? (
        <span class="soft since">{advice.extent}</span>
      ) : (
        <span class="soft since">
          for <Since at={found.since} />
        </span>
      )}
      <a class="button small" href={advice.way}>
        {advice.word}
      </a>
    </li>
  )
}
