import { readFile } from 'node:fs/promises'
import { text as textOf } from 'node:stream/consumers'
import { InvalidArgumentError } from 'commander'
import { ConfigError } from '../../../index.ts'
import type { Call } from '../../program/command.ts'
import { unlessAborted } from '../../program/ending.ts'

type Arguments = Readonly<Record<string, unknown>>

/** `--args`: a JSON object, `@FILE` with one, or `-` for the standard input. @throws {ConfigError} */
export async function argumentsGiven(
  { terminal: { stdin }, signal }: Call,
  given: string,
): Promise<Arguments> {
  if (given === '-') return parsed(await unlessAborted(signal, textOf(stdin)), 'the standard input')
  if (!given.startsWith('@')) return parsed(given, '--args')
  const file = given.slice(1)
  return parsed(await read(file), file)
}

/** Of an option, as commander wants it. */
export function recordValue(given: string): Arguments {
  const record = recordOf(given)
  if (typeof record === 'string')
    throw new InvalidArgumentError(`It takes a JSON object: ${record}.`)
  return record
}

/** The object that a JSON text holds, or what it is instead. */
export function recordOf(given: string): Arguments | string {
  let value: unknown
  try {
    value = JSON.parse(given)
  } catch (error) {
    return (error as Error).message
  }
  if (typeof value === 'object' && value !== null && !Array.isArray(value))
    return value as Arguments
  return `got ${Array.isArray(value) ? 'an array' : JSON.stringify(value)}`
}

async function read(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8')
  } catch (error) {
    throw unreadable(file, error)
  }
}

export function unreadable(file: string, error: unknown): ConfigError {
  return new ConfigError(`job push: ${file} cannot be read: ${(error as Error).message}.`, {
    cause: error,
  })
}

function parsed(given: string, where: string): Arguments {
  const record = recordOf(given)
  if (typeof record !== 'string') return record
  throw new ConfigError(
    `job push: the arguments in ${where} are no JSON object: ${record}. Write it like {"who":"Ada"}.`,
  )
}
