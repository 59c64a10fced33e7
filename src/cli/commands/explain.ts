import { explanationInWords, reasonInWords } from '../../core/explanation-words.ts'
import type { Chancy, Count, Explanation, WaitReason } from '../../index.ts'
import { type Answer, command } from '../program/command.ts'

const ID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i
/** How many holders of a group are named. */
const SHOWN_HOLDERS = 20

export const explain = command<{ readonly jobOrQueue: string }>({
  name: 'explain <job-or-queue>',
  summary:
    'say why a job or the callbacks of a batch, by the id, or the jobs of a queue, by its name, do not run',
  examples: [{ text: 'What keeps the jobs of the queue mail', command: 'chancy explain mail' }],
  async run(call, { jobOrQueue: what }) {
    return ID.test(what) ? ofJob(call.chancy(), what) : ofQueue(call.chancy(), what)
  },
})

async function ofJob(chancy: Chancy, id: string): Promise<Answer> {
  const explanation = await chancy.explain(id)
  return { value: explanation, shown: wordsOfJob(id, explanation) }
}

function wordsOfJob(id: string, explanation: Explanation): string {
  const { reasons, runnable, earliestStart } = explanation
  if (reasons.length === 0) return `The job ${id} ${explanationInWords(explanation)}.`
  const head = reasons.some(({ kind }) => kind === 'batch')
    ? `The callbacks of the batch ${id} are not pushed, since`
    : runnable
      ? `The job ${id} is next in line:`
      : `The job ${id} does not run, since`
  const lines = reasons.flatMap((reason) => [`- ${reasonInWords(reason)}`, ...holdersOf(reason)])
  const start =
    earliestStart === undefined
      ? []
      : [`It starts at ${earliestStart.toISOString()} at the earliest.`]
  return [head, ...lines, ...start].join('\n')
}

function holdersOf(reason: WaitReason): string[] {
  if (reason.kind !== 'concurrency') return []
  const { holders } = reason
  const more = holders.length - SHOWN_HOLDERS
  return [
    ...holders.slice(0, SHOWN_HOLDERS).map((id) => `    held by the job ${id}`),
    ...(more > 0 ? [`    and by ${more} more`] : []),
  ]
}

/** What each count of a queue is, behind the number of jobs. */
const KINDS: Readonly<Record<string, string>> = {
  ready: 'ready to run',
  'queue-paused': 'held back: the queue is paused',
  'queue-undeclared': 'held back: the queue is not declared',
  'no-worker': 'held back: no worker runs the queue',
  'workers-paused': 'held back: all workers of the queue are paused',
  'rate-limit': 'held back: the queue has used its starts',
  scheduled: 'scheduled for later',
  backoff: 'waiting after a failed attempt',
  dependency: 'waiting for other steps of their workflow',
  durable: 'waiting without a slot, for a time, a signal or a job',
  concurrency: 'held back by the limit of their concurrency group',
  'function-unknown': 'whose function no worker knows',
  running: 'running',
}

async function ofQueue(chancy: Chancy, name: string): Promise<Answer> {
  const explanation = await chancy.explainQueue(name)
  const counts = Object.entries(explanation.counts).filter(([, { jobs }]) => jobs > 0)
  const isNo = explanation.state === 'undeclared' && counts.length === 0
  if (isNo)
    return {
      value: explanation,
      shown: `There is no queue "${name}", and no job in one of that name.`,
      isNo,
    }
  const head = `The queue ${name} is ${explanation.state === 'undeclared' ? 'not declared' : explanation.state}.`
  const lines = counts.map(([kind, count]) => `- ${countText(count)} ${KINDS[kind] ?? kind}`)
  const shown = [head, ...(lines.length === 0 ? ['No job of it waits or runs.'] : lines)].join('\n')
  return { value: explanation, shown }
}

function countText({ jobs, hasMore }: Count): string {
  return `${jobs}${hasMore ? ' or more' : ''} ${jobs === 1 ? 'job' : 'jobs'}`
}
