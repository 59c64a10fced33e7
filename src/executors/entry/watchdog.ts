/**
 * The thread beside the jobs of a child process. It ends the process, and what the jobs have
 * started, as soon as the parent is gone; and it gives back to the parent what has not begun. Both
 * also while the jobs' own loop is blocked.
 */

import { Socket } from 'node:net'
import { workerData } from 'node:worker_threads'
import { LineReader, recallCell } from '../protocol.ts'
import { CHILD_ID, killDescendants } from './descendants.ts'

const CONTROL = 5
/** Behind the end of the connection, by which it hears of it at once. */
const LOOK_MS = 1_000

const cells = workerData as Int32Array
const parent = process.ppid
const control = new Socket({ fd: CONTROL, readable: true, writable: true })

const reader = new LineReader((line) => {
  const seq = Number(line.slice(1))
  control.write(`${recallCell(cells, seq) ? 'n' : 'k'}${seq}\n`)
})

function endAll(): void {
  const id = process.env[CHILD_ID]
  if (id !== undefined) killDescendants(id, process.pid)
  // The group: the jobs' own children too.
  process.kill(-process.pid, 'SIGKILL')
}

control.setEncoding('utf8')
control.on('data', (text: string) => reader.push(text))
control.on('error', endAll)
control.on('close', endAll)
setInterval(() => {
  if (process.ppid !== parent) endAll()
}, LOOK_MS)
