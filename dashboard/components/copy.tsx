import { useState } from 'preact/hooks'
import { Icon } from './icon.tsx'
import { say } from './toast.tsx'

/** Also over plain HTTP, where the browser has no clipboard for pages. */
export async function copyText(text: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text)
    return true
  } catch {
    const area = document.createElement('textarea')
    area.value = text
    area.setAttribute('readonly', '')
    area.className = 'unseen'
    document.body.append(area)
    const focused = document.activeElement
    area.select()
    const isDone = document.execCommand('copy')
    area.remove()
    if (focused instanceof HTMLElement) focused.focus()
    return isDone
  }
}

export async function copyAndSay(text: string, what: string): Promise<void> {
  if (await copyText(text)) say(`${what} copied`)
  else say(`${what} cannot be copied here: ${text}`, { tone: 'warn' })
}

export function CopyButton({ text, what }: { text: string; what: string }) {
  const [isDone, setDone] = useState(false)
  const copy = async () => {
    await copyAndSay(text, what)
    setDone(true)
    setTimeout(() => setDone(false), 1_500)
  }
  return (
    <button
      type="button"
      class="button quiet icon small"
      aria-label={`Copy ${what.toLowerCase()}`}
      title={`Copy ${what.toLowerCase()}`}
      onClick={() => void copy()}
    >
      <Icon name={isDone ? 'check' : 'copy'} />
    </button>
  )
}

/** A command or code, to copy. */
export function Command({ text, what = 'Command' }: { text: string; what?: string }) {
  return (
    <div class="command">
      <pre>{text}</pre>
      <CopyButton text={text} what={what} />
    </div>
  )
}
