/** The processes of this bench: each is given its order in the environment, and says that it is ready. */
import { type ChildProcess, fork } from 'node:child_process'
import { fileURLToPath } from 'node:url'

const ORDER = 'CHANCY_BENCH_ORDER'

export interface Child extends AsyncDisposable {
  /** What it said when it was ready. */
  readonly hello: Record<string, unknown>
  /** Sends a message and returns the answer. */
  ask(message: string): Promise<Record<string, unknown>>
}

export async function startChild(file: string, order: object): Promise<Child> {
  // Not among the arguments, where every user of the machine could read the password.
  const env = { ...process.env, [ORDER]: JSON.stringify(order) }
  const child = fork(fileURLToPath(new URL(file, import.meta.url)), { env })
  const hello = await answerOf(child, file)
  return {
    hello,
    ask(message) {
      const answer = answerOf(child, file)
      child.send(message)
      return answer
    },
    async [Symbol.asyncDispose]() {
      if (child.exitCode !== null) return
      const ended = new Promise((resolve) => child.once('exit', resolve))
      child.disconnect()
      await ended
    },
  }
}

function answerOf(child: ChildProcess, file: string): Promise<Record<string, unknown>> {
  return new Promise((resolve, reject) => {
    const onExit = (code: number | null) =>
      reject(new Error(`${file} ended with the code ${code}.`))
    child.once('exit', onExit)
    child.once('message', (message) => {
      child.off('exit', onExit)
      resolve(message as Record<string, unknown>)
    })
  })
}

/** In the child. */
export const orderOf = <Order>(): Order => JSON.parse(process.env[ORDER] ?? '{}') as Order

/** In the child: says that it is ready, answers messages, and ends with the bench. */
export function serveOrders(
  hello: object,
  answer: (message: string) => Promise<object>,
  end: () => Promise<unknown>,
): void {
  process.on('message', (message: string) => {
    void answer(message).then((found) => process.send?.(found))
  })
  process.on('disconnect', () => {
    void end().finally(() => process.exit(0))
  })
  process.send?.(hello)
}
