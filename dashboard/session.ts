import { signal } from '@preact/signals'
import type { WireSession } from '../src/http/wire.ts'
import { type ApiProblem, asProblem } from './api/problem.ts'
import { getSession } from './api/session.ts'
import { noteServerTime, useZone } from './time.ts'

/** Who one is and what one may do; null until the first answer. */
export const session = signal<WireSession | null>(null)

/** Why nothing can be shown: sign in, migrate, or a server that does not answer. */
export const pageProblem = signal<ApiProblem | null>(null)

export const may = (verb: string): boolean => session.value?.verbs.includes(verb) ?? false
export const hasPlugin = (name: string): boolean =>
  session.value?.plugins.some((one) => one === name || one === `chancy.${name}`) ?? false

let pending: Promise<void> | null = null
let again: ReturnType<typeof setTimeout> | undefined

/** Reads the session again. Several callers share one question. */
export function loadSession(): Promise<void> {
  pending ??= load().finally(() => {
    pending = null
  })
  return pending
}

async function load(): Promise<void> {
  clearTimeout(again)
  try {
    const found = await getSession()
    noteServerTime(found.serverTime)
    useZone(found.timeZone)
    session.value = found
    pageProblem.value = null
  } catch (error) {
    noteProblem(asProblem(error))
  }
}

/** A problem of the whole page is shown instead of it, and asked about again. */
export function noteProblem(problem: ApiProblem): void {
  if (!problem.isOfPage && session.value !== null) return
  pageProblem.value = problem
  clearTimeout(again)
  if (problem.login !== null && problem.code === 'ACCESS_NEEDED') return
  again = setTimeout(() => void loadSession(), 3_000)
}
