/**
 * The thread beside the jobs of a child process. It ends the process, and what the jobs have started,
 * as soon as the parent has ended, and it returns recalled attempts that have not begun. Both also
 * while the loop of the jobs is blocked.
 */

import { Socket } from 'node:net'
import { workerData } from 'node:worker_threads'
import { callEvery, systemClock } from '../../core/clock.ts'
import { recallCell } from '../begin-cell.ts'
import { CHILD_ID, killDescendants } from '../descendants.ts'
import { encodeFrame, FrameReader, frameTokens } from '../frame.ts'
import { DAMAGE_LINE, eachLine } from '../protocol.ts'

const CONTROL = 5
/** How often the parent is checked, beside the end of the connection, which is noticed immediately. */
const CHECK_MS = 1_000

export interface WatchdogData {
  readonly cells: Int32Array
  readonly key: Uint8Array
}

const { cells, key } = workerData as WatchdogData
const parent = process.ppid
const control = new Socket({ fd: CONTROL, readable: true, writable: true })

const tokens = frameTokens(key, 'answers')
const send = (lines: string): void => {
  control.write(encodeFrame(tokens, lines))
}

function answerTo(line: string): string {
  const seq = Number(line.slice(1))
  return `${recallCell(cells, seq) ? 'n' : 'k'}${seq}\n`
}

const reader = new FrameReader(
  frameTokens(key, 'recalls'),
  (text) => {
    let answers = ''
    eachLine(text, (line) => {
      answers += answerTo(line)
    })
    send(answers)
  },
  () => send(DAMAGE_LINE),
)

function endAll(): void {
  const id = process.env[CHILD_ID]
  if (id !== undefined) killDescendants(id, process.pid)
  // The group: the jobs' own children too.
  process.kill(-process.pid, 'SIGKILL')
}

control.on('data', (bytes: Buffer) => reader.push(bytes))
control.on('error', endAll)
control.on('close', endAll)
callEvery(systemClock, CHECK_MS, () => {
  if (process.ppid !== parent) endAll()
})
