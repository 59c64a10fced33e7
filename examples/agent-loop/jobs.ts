// An agent that calls a model until it is done, within a budget. Its child is killed in the middle, and it continues with
// the answers that it has: none is paid for twice.
import { appendFileSync } from 'node:fs'
import { job } from 'chancy'

interface Answer {
  readonly tool: 'search' | 'done'
  readonly text: string
  readonly tokens: number
}

/** Stands for the API of a model. Each call is paid for, and noted in a file. */
function callModel(log: string, prompt: readonly string[]): Answer {
  appendFileSync(log, 'model\n')
  if (prompt.length < 5) return { tool: 'search', text: `query ${prompt.length}`, tokens: 700 }
  return { tool: 'done', text: `answer after ${prompt.length} messages`, tokens: 900 }
}

export const agent = job(
  { name: 'agent', durable: true, maxAttempts: 3, backoff: 'none' },
  async ({ question, budget, log }: { question: string; budget: number; log: string }, ctx) => {
    const messages = [question]
    let tokens = 0
    for (let turn = 1; tokens < budget; turn++) {
      const answer = await ctx.step(`model ${turn}`, { maxAttempts: 3 }, () =>
        callModel(log, messages),
      )
      tokens += answer.tokens
      ctx.set('tokens', tokens)
      if (answer.tool === 'done') return { text: answer.text, tokens, turns: turn }
      const found = await ctx.step(`search ${turn}`, () => {
        // Once, as if the machine had failed here.
        if (turn === 2 && ctx.attempt === 1) process.kill(process.pid, 'SIGKILL')
        return `results of ${answer.text}`
      })
      messages.push(answer.text, found)
    }
    return { text: 'the budget is used up', tokens, turns: 0 }
  },
)
