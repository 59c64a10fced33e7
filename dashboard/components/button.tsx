import type { ComponentChildren } from 'preact'
import { useId } from 'preact/hooks'
import { useKeys } from '../keys.ts'
import { may } from '../session.ts'
import { Icon, type IconName } from './icon.tsx'

export interface ActionProps {
  readonly verb?: string
  readonly icon?: IconName
  /** Why it is not possible now. */
  readonly why?: string | null
  readonly tone?: 'main' | 'danger' | 'quiet'
  readonly small?: boolean
  /** What it is called where its text does not say it alone. */
  readonly label?: string
  /** Its key, and what the help says of it. */
  readonly keys?: string
  readonly says?: string
  /** Its key where it stands in a row that has the focus: see `useRowKeys`. */
  readonly rowKey?: string | undefined
  readonly onRun: () => void
  readonly children?: ComponentChildren
}

/** An action. A role that lacks its verb does not see it; what the state forbids is disabled and says why. */
export function ActionButton(props: ActionProps) {
  return props.verb !== undefined && !may(props.verb) ? null : <Shown {...props} />
}

function Shown(props: ActionProps) {
  const id = useId()
  const { keys, why = null, onRun } = props
  useKeys(
    () =>
      keys === undefined
        ? []
        : [{ keys, says: props.says ?? '', of: 'This page', run: () => why === null && onRun() }],
    [keys, why, onRun],
  )
  const key = keys ?? props.rowKey
  const hint = [why ?? props.label ?? '', key === undefined ? '' : `(${key})`].join(' ').trim()
  return (
    <>
      <button
        type="button"
        class={`button ${props.tone ?? ''} ${props.small === true ? 'small' : ''}`}
        aria-disabled={why !== null}
        aria-describedby={why !== null ? id : undefined}
        aria-label={props.label}
        aria-keyshortcuts={keys}
        data-key={props.rowKey}
        title={hint === '' ? undefined : hint}
        onClick={() => {
          if (why === null) onRun()
        }}
      >
        {props.icon !== undefined && <Icon name={props.icon} />}
        {props.children}
      </button>
      {why !== null && (
        <span class="unseen" id={id}>
          {why}
        </span>
      )}
    </>
  )
}
