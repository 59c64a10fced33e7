import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'

const COMMAND = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url))
const ROOT = fileURLToPath(new URL('../..', import.meta.url))
const { CHANCY_APP: _, ...rest } = process.env

/** `chancy` as a process of its own; its standard input stays open until it is ended. */
export function startCommand(
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
  cwd: string = ROOT,
) {
  const child = spawn(process.execPath, [COMMAND, ...args], { cwd, env: { ...rest, ...env } })
  const seen = { out: '', err: '' }
  child.stdin.on('error', () => {})
  child.stdout.on('data', (chunk: Buffer) => {
    seen.out += String(chunk)
  })
  child.stderr.on('data', (chunk: Buffer) => {
    seen.err += String(chunk)
  })
  const exited = once(child, 'close').then(([code]) => code as number | null)
  const printed = async (
    stream: 'out' | 'err',
    isWanted: (text: string) => boolean,
  ): Promise<void> => {
    const readable = stream === 'out' ? child.stdout : child.stderr
    while (!isWanted(seen[stream])) {
      const isOver = await Promise.race([
        once(readable, 'data').then(() => false),
        exited.then(() => true),
      ])
      if (isOver && !isWanted(seen[stream]))
        throw new Error(`chancy ${args.join(' ')} ended before that: ${seen.out}${seen.err}`)
    }
  }
  return { child, seen, printed, exited }
}
