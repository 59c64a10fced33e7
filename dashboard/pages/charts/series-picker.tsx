import { useState } from 'preact/hooks'
import { Icon } from '../../components/icon.tsx'
import { useTopic } from '../../live.ts'
import { hrefWith, navigate } from '../../router.ts'
import { session } from '../../session.ts'

/** Which series are drawn: everything, queues, names of jobs. Eight at most. */
export function SeriesPicker({ series }: { series: readonly string[] }) {
  const [name, setName] = useState('')
  const queues = useTopic('queues').data?.items ?? []
  const max = session.value?.limits.series ?? 8
  const hrefOf = (next: readonly string[]) =>
    hrefWith({ series: next.map((one) => encodeURIComponent(one)).join(',') })
  const offered = ['all', ...queues.map((queue) => `queue:${queue.name}`)].filter(
    (one) => !series.includes(one),
  )
  const add = (text: string) => {
    if (text === '' || series.includes(text) || series.length >= max) return
    navigate(hrefOf([...series, text]))
    setName('')
  }
  return (
    <div class="picker">
      <ul>
        {series.map((one) => (
          <li key={one} class="chip">
            <span class="name">{one}</span>
            {series.length > 1 && (
              <a
                href={hrefOf(series.filter((other) => other !== one))}
                aria-label={`Without ${one}`}
              >
                <Icon name="cross" />
              </a>
            )}
          </li>
        ))}
      </ul>
      {series.length < max && (
        <form
          onSubmit={(event) => {
            event.preventDefault()
            add(/^(all|queue:.+|name:.+)$/.test(name) ? name : name === '' ? '' : `name:${name}`)
          }}
        >
          <label>
            <span class="unseen">Add a series: queue:… or the name of a job</span>
            <input
              class="input"
              list="series-offered"
              value={name}
              placeholder="queue:mail or a job's name"
              data-filter=""
              onInput={(event) => setName(event.currentTarget.value)}
            />
          </label>
          <datalist id="series-offered">
            {offered.map((one) => (
              <option key={one} value={one} />
            ))}
          </datalist>
          <button type="submit" class="button">
            Add
          </button>
        </form>
      )}
    </div>
  )
}
