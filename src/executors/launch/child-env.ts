import type { ChildEnv } from '../child.ts'
import { CHILD_ID } from '../descendants.ts'
import { inheritedNodeOptions } from './node-options.ts'

/** What a process needs on any system. */
const NEEDED = process.platform === 'win32' ? ['SystemRoot'] : []

/** The variables that jobs see. Default: all of the worker. */
export function childEnv(given: ChildEnv | undefined): NodeJS.ProcessEnv {
  if (given === undefined) return { ...process.env, ...nodeOptions(process.env.NODE_OPTIONS) }
  const env = isList(given) ? picked([...NEEDED, ...given]) : { ...picked(NEEDED), ...given }
  return { ...env, ...nodeOptions(env.NODE_OPTIONS) }
}

/** The same for a child process, with its id, by which the processes that it starts are known. */
export function processEnv(given: ChildEnv | undefined, id: string): NodeJS.ProcessEnv {
  return { ...childEnv(given), [CHILD_ID]: id }
}

function nodeOptions(text: string | undefined): NodeJS.ProcessEnv {
  return text === undefined ? {} : { NODE_OPTIONS: inheritedNodeOptions(text) }
}

function picked(names: readonly string[]): NodeJS.ProcessEnv {
  const env: NodeJS.ProcessEnv = {}
  for (const name of names) {
    const value = process.env[name]
    if (value !== undefined) env[name] = value
  }
  return env
}

function isList(given: ChildEnv): given is readonly string[] {
  return Array.isArray(given)
}
