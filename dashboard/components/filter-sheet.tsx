import { useState } from 'preact/hooks'
import { filterTerms, quoted } from '../filter-words.ts'
import { closeDialog, Dialog } from './dialog.tsx'

const STATES = ['pending', 'running', 'retrying', 'succeeded', 'failed', 'cancelled']
const FIELDS = ['queue', 'name', 'created'] as const

/** The common terms of a filter as fields, for a screen without room or a keyboard. Other terms stay. */
export function FilterSheet(props: { value: string; onChange: (value: string) => void }) {
  const terms = filterTerms(props.value)
  const wordOf = (key: string) =>
    terms.find((one) => one.startsWith(`${key}:`))?.slice(key.length + 1) ?? ''
  const [states, setStates] = useState(wordOf('state').split(',').filter(Boolean))
  const [fields, setFields] = useState(() =>
    Object.fromEntries(FIELDS.map((key) => [key, wordOf(key).replace(/^"|"$/g, '')])),
  )
  const others = terms.filter((one) => !/^(state|queue|name|created):/.test(one))
  const apply = () => {
    const made = [
      ...(states.length > 0 ? [`state:${states.join(',')}`] : []),
      ...FIELDS.filter((key) => fields[key] !== '').map((key) =>
        key === 'created' ? `created:${fields[key]}` : `${key}:${quoted(fields[key] ?? '')}`,
      ),
      ...others,
    ]
    closeDialog()
    props.onChange(made.join(' '))
  }
  return (
    <Dialog
      title="Filter"
      onSubmit={apply}
      footer={
        <button type="submit" class="button main">
          Show the jobs
        </button>
      }
    >
      <div class="fields">
        <fieldset class="choices">
          <legend>State</legend>
          {STATES.map((state) => (
            <label key={state}>
              <input
                type="checkbox"
                checked={states.includes(state)}
                onChange={() =>
                  setStates(
                    states.includes(state)
                      ? states.filter((one) => one !== state)
                      : [...states, state],
                  )
                }
              />
              {state}
            </label>
          ))}
        </fieldset>
        {FIELDS.map((key) => (
          <label class="field" key={key}>
            <span>{{ queue: 'Queue', name: 'Name', created: 'Created' }[key]}</span>
            <input
              class="input"
              value={fields[key]}
              placeholder={key === 'created' ? '<2h' : ''}
              onInput={(event) => setFields({ ...fields, [key]: event.currentTarget.value })}
            />
          </label>
        ))}
        {others.length > 0 && (
          <p class="soft">
            And <code>{others.join(' ')}</code>
          </p>
        )}
      </div>
    </Dialog>
  )
}
