import { useEffect, useRef, useState } from 'preact/hooks'
import { type ApiProblem, asProblem } from './api/problem.ts'
import { loadedAt, mode, notePeriod, reloads } from './live.ts'
import { noteProblem } from './session.ts'
import { now } from './time.ts'

export interface Loaded<T> {
  readonly data: T | null
  readonly at: number | null
  readonly problem: ApiProblem | null
  readonly isLoading: boolean
  reload(): void
}

/**
 * What an answer of the API holds, for pages that have no topic. `key` says when it is another question; null asks
 * nothing. The data of a question stays until the next one is answered.
 */
export function useLoad<T>(
  key: string | null,
  load: (signal: AbortSignal) => Promise<T>,
  everyMs: number | null = null,
): Loaded<T> {
  const [state, setState] = useState<Omit<Loaded<T>, 'reload'>>(EMPTY)
  const [round, setRound] = useState(0)
  const question = useRef(key)
  useEffect(() => {
    if (key === null) {
      setState(EMPTY)
      return
    }
    if (question.current !== key) {
      question.current = key
      setState((old) => ({ ...old, problem: null, isLoading: true }))
    }
    const own = new AbortController()
    let timer: ReturnType<typeof setTimeout> | undefined
    const ask = async () => {
      setState((old) => ({ ...old, isLoading: true }))
      try {
        const data = await load(own.signal)
        if (own.signal.aborted) return
        loadedAt.value = now.peek()
        setState({ data, at: now.peek(), problem: null, isLoading: false })
      } catch (error) {
        if (own.signal.aborted) return
        const problem = asProblem(error)
        noteProblem(problem)
        setState((old) => ({ ...old, problem, isLoading: false }))
      }
      if (everyMs !== null) timer = setTimeout(next, everyMs)
    }
    const next = () => {
      if (document.visibilityState === 'visible' && mode.peek() !== 'paused') void ask()
      else timer = setTimeout(next, 1_000)
    }
    const leave = everyMs === null ? null : notePeriod(everyMs)
    void ask()
    return () => {
      leave?.()
      own.abort()
      clearTimeout(timer)
    }
  }, [key, round, everyMs, reloads.value])
  return { ...state, reload: () => setRound((one) => one + 1) }
}

const EMPTY = { data: null, at: null, problem: null, isLoading: false } as const
