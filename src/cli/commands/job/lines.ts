import type { Readable } from 'node:stream'
import { ChancyError } from '../../../index.ts'

/** A line holds the arguments of a job, at most 1 MiB of JSON. */
const MAX_LINE_BYTES = 4_194_304
const NEWLINE = 10

export interface Line {
  /** From 1. */
  readonly number: number
  readonly text: string
  /** The bytes up to its end, in all. */
  readonly bytes: number
}

/** The lines of a stream, read as they are asked for; empty ones are left out. */
export async function* linesOf(stream: Readable, name: string): AsyncGenerator<Line> {
  let [rest, number, bytes] = [Buffer.alloc(0), 0, 0]
  const line = (end: number): Line => {
    const text = rest.toString('utf8', 0, end).trim()
    number += 1
    bytes += end + 1
    rest = rest.subarray(end + 1)
    return { number, text: number === 1 ? text.replace(/^\ufeff/, '') : text, bytes }
  }
  for await (const chunk of stream) {
    rest = Buffer.concat([rest, Buffer.from(chunk as Buffer)])
    for (let end = rest.indexOf(NEWLINE); end >= 0; end = rest.indexOf(NEWLINE)) {
      const next = line(end)
      if (next.text !== '') yield next
    }
    if (rest.length > MAX_LINE_BYTES) {
      throw new ChancyError(
        'CONFIG_INVALID',
        `job push: line ${number + 1} of ${name} is longer than 4 MiB. Each line holds the arguments of one job as JSON.`,
      )
    }
  }
  if (rest.length > 0) {
    const last = line(rest.length)
    if (last.text !== '') yield last
  }
}
