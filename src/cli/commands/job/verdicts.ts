import { isChancyError } from '../../../index.ts'
import type { Answer } from '../../program/command.ts'

/** What another state or another job prevents is an answer, and any other error ends the command. */
const REFUSALS: Readonly<Record<string, string>> = {
  JOB_NOT_FOUND: 'unknown',
  UNIQUE_KEY_TAKEN: 'another job has its unique key',
}

/** Acts on jobs one by one, and says what became of each. */
export async function verdictsOf(
  ids: readonly string[],
  act: (id: string) => Promise<unknown>,
  words: { readonly done: string; readonly conflict: string },
): Promise<Answer> {
  const rows: { id: string; verdict: string }[] = []
  for (const id of ids) rows.push({ id, verdict: await verdictOf(() => act(id), words) })
  return { value: rows, isNo: rows.some(({ verdict }) => verdict !== words.done) }
}

async function verdictOf(
  act: () => Promise<unknown>,
  { done, conflict }: { readonly done: string; readonly conflict: string },
): Promise<string> {
  try {
    await act()
    return done
  } catch (error) {
    if (!isChancyError(error)) throw error
    const refusal = error.code === 'JOB_STATE_CONFLICT' ? conflict : REFUSALS[error.code]
    if (refusal === undefined) throw error
    return refusal
  }
}
