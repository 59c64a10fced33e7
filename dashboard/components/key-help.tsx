import { currentBindings, keysEnabled } from '../keys.ts'
import { Dialog } from './dialog.tsx'

/** Every key that holds on this page, by part, and the switch that turns them off. */
export function KeyHelp() {
  const parts = new Map<string, Map<string, string>>()
  for (const { keys, says, of } of currentBindings()) {
    const part = parts.get(of) ?? new Map<string, string>()
    part.set(keys, says)
    parts.set(of, part)
  }
  return (
    <Dialog title="Keys" wide>
      <p>
        <label>
          <input
            type="checkbox"
            checked={keysEnabled.value === 'on'}
            onChange={(event) => {
              keysEnabled.value = event.currentTarget.checked ? 'on' : 'off'
            }}
          />
          Keys of one character act. Tab, Enter and Escape always do.
        </label>
      </p>
      <div class="key-help">
        {[...parts].map(([of, keys]) => (
          <section key={of}>
            <h3>{of}</h3>
            <dl>
              {[...keys].map(([key, says]) => (
                <div key={key}>
                  <dt>
                    {key.split(' ').map((one) => (
                      <kbd key={one}>{one === 'Enter' ? '↵' : one}</kbd>
                    ))}
                  </dt>
                  <dd>{says}</dd>
                </div>
              ))}
            </dl>
          </section>
        ))}
      </div>
    </Dialog>
  )
}
