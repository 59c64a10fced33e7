import { type Chancy, Job, Limit, parseRule, Queue, Reference, rule, Worker } from '../../index.ts'

export interface PromptNames {
  /** Of the prompt: `chancy`, `jobs`, the classes of Chancy, and the jobs whose names are free. */
  readonly values: Readonly<Record<string, unknown>>
  /** Jobs by what they are called at the prompt. */
  readonly jobs: readonly { readonly name: string; readonly called: string }[]
}

const OFFERED = { Job, Queue, Limit, Reference, Worker, rule, parseRule }

/** A job is called by its name where that is a word of JavaScript, `send-mail` as `sendMail`, and else `jobs['…']`. */
export function promptNames(
  chancy: Chancy,
  functions: ReadonlyMap<string, unknown>,
  isTaken: (name: string) => boolean,
): PromptNames {
  const values: Record<string, unknown> = {
    ...OFFERED,
    chancy,
    jobs: Object.fromEntries(functions),
  }
  const jobs = [...functions].map(([name, fn]) => {
    const word = name.replaceAll(/[^\p{L}\p{N}_$]+(\p{L}|\p{N})?/gu, (_, next = '') =>
      String(next).toUpperCase(),
    )
    if (!isWord(word) || word in values || isTaken(word)) {
      return { name, called: `jobs[${JSON.stringify(name)}]` }
    }
    values[word] = fn
    return { name, called: word }
  })
  return { values, jobs }
}

function isWord(text: string): boolean {
  if (!/^[\p{ID_Start}$_][\p{ID_Continue}$]*$/u.test(text)) return false
  try {
    // A reserved word, such as "delete", is no name.
    new Function(`const ${text} = 0`)
    return true
  } catch {
    return false
  }
}
