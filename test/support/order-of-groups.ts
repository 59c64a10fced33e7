/** A change of a job, as it was committed. */
export interface OrderStep {
  readonly id: string
  readonly op: 'INSERT' | 'UPDATE' | 'DELETE'
  readonly state: string
  readonly key: string | null
  readonly queue: string
  readonly priority: number
  readonly seq: number | null
  readonly blocked: boolean
  /** Before the change; null for a job that was pushed. */
  readonly was_blocked: boolean | null
}

interface Waiting {
  readonly id: string
  readonly priority: number
  readonly seq: number
}

/**
 * Whether a job of a group started before an older one of its queue that was blocked. A job
 * counts from the moment at which a claim blocked it or something made it ready, both under the
 * lock of the group, and until it starts, ends or goes.
 */
export class OrderOfGroups {
  readonly #waiting = new Map<string, Waiting>()
  readonly #heaps = new Map<string, Waiting[]>()

  /** The steps of one transaction, in order. Returns what is wrong. */
  committed(steps: readonly OrderStep[]): string[] {
    const limited = steps.filter(({ key }) => key !== null)
    const started: OrderStep[] = []
    for (const step of limited) {
      const isStart = step.op !== 'DELETE' && step.state === 'running'
      if (isStart) started.push(step)
      if (isStart || step.op === 'DELETE') this.#waiting.delete(step.id)
      else if (step.op === 'UPDATE') this.#changed(step)
    }
    return started.flatMap((step) => {
      const first = this.#first(lineOf(step))
      if (first === undefined || !isBefore(first, step)) return []
      return [`${step.key}: ${step.id} (${step.seq}) started before ${first.id} (${first.seq})`]
    })
  }

  /** A job that comes back from an attempt was neither blocked by it nor made ready. */
  #changed({ id, priority, seq, queue, key, blocked, was_blocked }: OrderStep): void {
    if (seq === null || this.#waiting.has(id) || !(blocked || was_blocked === true)) return
    const one = { id, priority, seq }
    this.#waiting.set(id, one)
    const line = lineOf({ queue, key })
    const heap = this.#heaps.get(line) ?? []
    this.#heaps.set(line, heap)
    push(heap, one)
  }

  #first(line: string): Waiting | undefined {
    const heap = this.#heaps.get(line)
    while (heap?.[0] !== undefined && this.#waiting.get(heap[0].id) !== heap[0]) pop(heap)
    return heap?.[0]
  }
}

const lineOf = ({ queue, key }: Pick<OrderStep, 'queue' | 'key'>): string =>
  JSON.stringify([queue, key])

const isBefore = (a: Pick<OrderStep, 'priority' | 'seq'>, b: Pick<OrderStep, 'priority' | 'seq'>) =>
  a.priority > b.priority || (a.priority === b.priority && (a.seq ?? 0) < (b.seq ?? 0))

/** A binary heap, the first in front. */
function push(heap: Waiting[], one: Waiting): void {
  let at = heap.push(one) - 1
  while (at > 0) {
    const parent = (at - 1) >> 1
    if (!isBefore(heap[at]!, heap[parent]!)) return
    swap(heap, at, parent)
    at = parent
  }
}

function pop(heap: Waiting[]): void {
  const last = heap.pop()
  if (last === undefined || heap.length === 0) return
  heap[0] = last
  let at = 0
  for (;;) {
    const left = 2 * at + 1
    const first = left + 1 < heap.length && isBefore(heap[left + 1]!, heap[left]!) ? left + 1 : left
    if (first >= heap.length || !isBefore(heap[first]!, heap[at]!)) return
    swap(heap, at, first)
    at = first
  }
}

function swap(heap: Waiting[], a: number, b: number): void {
  const one = heap[a]!
  heap[a] = heap[b]!
  heap[b] = one
}
