import type { ComponentChildren } from 'preact'
import { useState } from 'preact/hooks'
import { session } from '../session.ts'
import { closeDialog, Dialog } from './dialog.tsx'

/** Says what will happen and asks for the reason, which stands in Actions. */
export function ReasonDialog(props: {
  title: string
  text: ComponentChildren
  confirm: string
  isDanger?: boolean
  children?: ComponentChildren
  onConfirm: (reason: string | null) => void
}) {
  const [reason, setReason] = useState('')
  const isRequired = session.value?.requireReason === true
  return (
    <Dialog
      title={props.title}
      onSubmit={() => props.onConfirm(reason.trim() === '' ? null : reason.trim())}
      footer={
        <>
          <button type="button" class="button" onClick={() => closeDialog()}>
            Leave it
          </button>
          <button type="submit" class={`button ${props.isDanger === true ? 'danger' : 'main'}`}>
            {props.confirm}
          </button>
        </>
      }
    >
      <div class="fields">
        <p>{props.text}</p>
        {props.children}
        <label class="field">
          <span>Reason</span>
          <input
            class="input"
            value={reason}
            required={isRequired}
            maxLength={1_000}
            autofocus
            placeholder={isRequired ? '' : 'it stands in Actions, beside your name'}
            onInput={(event) => setReason(event.currentTarget.value)}
          />
        </label>
      </div>
    </Dialog>
  )
}
