import type { Outcome } from '../../core/outcome.ts'
import type { SerializedError } from '../../core/serialize-error.ts'
import { answered } from '../attempt-end.ts'
import type { Child, ChildExit, Launch, LaunchOptions } from '../child.ts'
import {
  type ChildHello,
  LineReader,
  type LogLine,
  MAX_OUTPUT_CHARS,
  MAX_SEQ,
  parseLog,
  parseOutcome,
  parseUsage,
  permitLine,
  runLine,
  stopLine,
  widthLine,
} from '../protocol.ts'
import type { Run } from '../run.ts'
import { ChildWidth } from './child-width.ts'
import type { Tenant } from './tenant.ts'
import { WorkAhead } from './work-ahead.ts'

/** What the pool wants to know of its children. */
export interface ChildOwner {
  onReady(child: PooledChild): void
  /** Lines have come: there may be room. */
  onNews(): void
  onEnded(run: Run, outcome: Outcome): void
  /** It has not begun and never will here. */
  onReturned(run: Run): void
  onLog(line: LogLine): void
  onGone(child: PooledChild, exit: ChildExit): void
}

/** How much is shown of a line that is not one of the protocol, in characters. */
const SHOWN_CHARS = 200

type State = 'booting' | 'ready' | 'retiring' | 'killed' | 'gone'

/**
 * A child with what it was given to do. What it knows of itself is changed here alone: by what it
 * says, and by what the pool asks of it.
 */
export class PooledChild {
  readonly startedAt = performance.now()
  bootError: SerializedError | null = null
  /** It has taken so long to start that another would hardly be quicker. */
  isBootOverdue = false
  /** The module that it loads. */
  loading: string | null = null
  hello: ChildHello = { heapLimitBytes: 0, cpuMs: 0, bytes: 0 }
  readyAt = 0
  /** When it was last given or said something. */
  heardAt = performance.now()
  /** Whose attempts it runs, or ran last. */
  tenant: Tenant | null = null
  /** Attempts that it was given and that were not taken back. */
  taken = 0
  begun = 0
  /** Of its attempts, the one that ended the process, by its own word. */
  culprit: Run | 'none of them' | null = null
  /** Killed because of this one. */
  killedFor: Run | null = null
  retiredAt: number | null = null
  isTerminated = false
  #state: State = 'booting'
  /** After this many it gets nothing more: what the strictest of its tenants asks for. */
  #quota = Number.POSITIVE_INFINITY
  /** Gets nothing more while one of its attempts is being stopped. */
  #held = 0
  readonly #width = new ChildWidth()
  readonly #work = new WorkAhead()
  readonly #runs = new Map<number, Run>()
  readonly #child: Child
  readonly #owner: ChildOwner
  readonly #output: Readonly<Record<'stdout' | 'stderr', LineReader>>
  /** Jobs have handlers of SIGTERM. */
  #hasHandlers = false
  /** Of its start and of the attempts that have ended. */
  #cpuMs = 0
  #seq = 0
  #outbox = ''
  /** Whether the message that is gathered says until when its attempts may begin. */
  #hasPermit = false
  /** The beginning of a line of its that is none of ours. */
  #violation: string | null = null

  constructor(launch: Launch, options: LaunchOptions, owner: ChildOwner) {
    this.#owner = owner
    this.#output = {
      stdout: new LineReader((text) => this.#printed('stdout', text), MAX_OUTPUT_CHARS),
      stderr: new LineReader((text) => this.#printed('stderr', text), MAX_OUTPUT_CHARS),
    }
    this.#child = launch(options, {
      onLine: (line, isPiece) => this.#hear(line, isPiece),
      onTurn: () => this.#onTurn(),
      onOutput: (stream, text) => this.#output[stream].push(text),
      onGone: (exit) => this.#gone(exit),
    })
  }

  get pid(): number | null {
    return this.#child.pid
  }

  get state(): State {
    return this.#state
  }

  get runs(): ReadonlyMap<number, Run> {
    return this.#runs
  }

  get isIdle(): boolean {
    return this.#state === 'ready' && this.#runs.size === 0
  }

  /** Whether it can be given attempts of this tenant at all: an idle child takes any tenant. */
  takes(tenant: Tenant): boolean {
    if (this.#state !== 'ready' || this.#held > 0) return false
    return this.#runs.size === 0 ? this.taken < tenant.policy.quota : this.tenant === tenant
  }

  /** How many attempts of its tenant can run here at once, as far as is known. */
  get slots(): number {
    if (this.#state !== 'ready' || this.#held > 0) return 0
    return this.#width.slots(this.begun, this.tenant?.width ?? 1)
  }

  /** How many attempts it can use beyond those that run, so that it never waits for the next. */
  get ahead(): number {
    return this.#work.attempts(this.#width.told)
  }

  give(run: Run, tenant: Tenant): void {
    // Jobs of another tenant may be longer.
    if (this.tenant !== tenant) this.#work.forget()
    this.tenant = tenant
    this.#quota = Math.min(this.#quota, tenant.policy.quota)
    if (this.#width.set(tenant.width, this.#runs.size === 0)) this.#tellWidth()
    const seq = ++this.#seq
    run.state = 'sent'
    run.child = this
    run.seq = seq
    run.isRecalled = false
    if (this.#runs.size === 0) this.heardAt = performance.now()
    this.#runs.set(seq, run)
    this.taken++
    if (seq >= MAX_SEQ || this.taken >= this.#quota) this.#state = 'retiring'
    const { permit } = run.attempt
    if (permit !== undefined && !this.#hasPermit) {
      this.#hasPermit = true
      this.#outbox += permitLine(permit.untilMs)
    }
    this.#outbox += runLine(seq, run.attempt)
  }

  #tellWidth(): void {
    this.#outbox += widthLine(this.#width.told)
  }

  /** Sends what was given in this turn, as one message. */
  flush(): void {
    if (this.#outbox === '') return
    const lines = this.#outbox
    this.#outbox = ''
    this.#hasPermit = false
    this.#child.send(lines)
  }

  /** Passes on that an attempt is to stop. */
  ask(run: Run): void {
    this.#outbox += stopLine(run.seq, run.stop.reason ?? 'interrupted')
    this.flush()
    if (run.state === 'begun') this.#hold(run)
    this.recall(run.state === 'begun' ? this.unbegun() : [run])
  }

  /** Asks for runs back, unless they begin before they are found. */
  recall(runs: readonly Run[]): void {
    const wanted = runs.filter((run) => !run.isRecalled)
    if (wanted.length === 0) return
    this.flush()
    for (const run of wanted) run.isRecalled = true
    this.#child.recall(wanted.map((run) => run.seq))
  }

  unbegun(): Run[] {
    return [...this.#runs.values()].filter((run) => run.state === 'sent')
  }

  /** Nothing has come for so long: what runs now is longer than it was taken for. */
  isSlow(forMs: number): void {
    if (this.#width.stalled()) this.#tellWidth()
    this.#work.lasts(forMs)
  }

  /** Forgets a run that went elsewhere. */
  drop(run: Run): void {
    this.#runs.delete(run.seq)
  }

  /** It will never be ready, for this reason unless it has said another. */
  failBoot(error: SerializedError): void {
    this.bootError ??= error
    this.isBootOverdue = true
    this.kill()
  }

  /** Notes what a run has used so far, as far as it can be seen, and returns the memory of now. */
  measure(run: Run): number | null {
    const bytes = this.#child.residentBytes()
    if (bytes !== null) run.peakBytes = Math.max(run.peakBytes ?? 0, bytes)
    // With several at once nobody knows whose it was.
    const cpuMs = this.#width.most === 1 ? this.#child.cpuMs() : null
    if (cpuMs !== null) run.cpuMs = Math.max(0, cpuMs - this.#cpuMs)
    return bytes
  }

  /** Gets nothing more, and ends when what it has to do is done. */
  retire(): void {
    if (this.#state === 'ready') this.#state = 'retiring'
    if (this.#state !== 'retiring' || this.#runs.size > 0 || this.retiredAt !== null) return
    this.retiredAt = performance.now()
    this.#child.retire()
  }

  /** The polite signal. False: a loop that is blocked will not make anything of it. */
  terminate(): boolean {
    this.isTerminated = true
    return this.#child.terminate() && this.#hasHandlers
  }

  kill(run: Run | null = null): void {
    if (this.#state === 'gone') return
    this.#state = 'killed'
    this.killedFor ??= run
    this.#child.kill()
  }

  #hold(run: Run): void {
    if (run.askedAt !== null) return
    run.askedAt = performance.now()
    this.#held++
  }

  /** A job can write to any descriptor of its process, so what comes by them is not trusted. */
  #hear(line: string, isPiece: boolean): void {
    if (this.#violation !== null) return
    try {
      if (isPiece) throw new RangeError('a line without an end')
      this.#onLine(line)
    } catch {
      this.#violation = line.slice(0, SHOWN_CHARS)
      this.kill()
    }
  }

  /** @throws when the line is not one of the protocol */
  #onLine(line: string): void {
    const tab = line.indexOf('\t')
    const seq = Number(tab < 0 ? line.slice(1) : line.slice(1, tab))
    const run = this.#runs.get(seq)
    switch (line[0]) {
      case 'R':
        if (this.readyAt > 0) throw new TypeError('ready twice')
        this.hello = JSON.parse(line.slice(tab + 1)) as ChildHello
        this.#cpuMs = this.hello.cpuMs
        this.readyAt = performance.now()
        if (this.#state !== 'booting') return
        this.#state = 'ready'
        this.#owner.onReady(this)
        return
      case 'F':
        if (this.readyAt > 0) throw new TypeError('failed after it was ready')
        this.bootError = JSON.parse(line.slice(tab + 1)) as SerializedError
        return
      case 'u':
        if (this.#state === 'ready') this.#state = 'retiring'
        this.recall(this.unbegun())
        return
      case 'm':
        this.loading = `${JSON.parse(line.slice(tab + 1))}`
        return
      case 'w':
        if (!this.#width.answered()) throw new TypeError('not asked')
        return
      case 'h':
        if (line !== 'h0' && line !== 'h1') break
        this.#hasHandlers = line === 'h1'
        return
      case 'x':
        if (!(seq > 0)) break
        // Of an attempt that has ended it was what that left behind, and none of these.
        this.culprit = run ?? 'none of them'
        if (run !== undefined) this.measure(run)
        return
      case 'l':
        this.#logged(run, parseLog(line.slice(tab + 1)))
        return
    }
    if (run !== undefined) this.#onRunLine(run, line, tab)
    else if (!(seq > 0)) throw new TypeError('of no attempt')
  }

  #onRunLine(run: Run, line: string, tab: number): void {
    switch (line[0]) {
      case 'b':
        // More at once than it runs: the end of one of them came to be part of another line.
        if (run.state !== 'sent' || this.begun >= this.#width.most)
          throw new TypeError('begun twice')
        run.state = 'begun'
        run.begunAt = performance.now()
        this.begun++
        // Short jobs need no answer: what is sent ahead begins by itself.
        if (this.ahead === 0 && this.#width.begun(this.begun)) this.#tellWidth()
        if (run.stop.reason !== null) this.#hold(run)
        return
      case 'd':
      case 'o':
        this.#ended(run, line, tab)
        return
      case 'p':
        run.attempt.report.progress(run.attempt.job, line.slice(tab + 1))
        return
      case 'a':
        run.hasHeard = true
        return
      case 'n':
        this.#runs.delete(run.seq)
        this.taken--
        this.#owner.onReturned(run)
        return
      case 'k':
        return
    }
    throw new TypeError('no such kind of line')
  }

  #ended(run: Run, line: string, tab: number): void {
    const second = line.indexOf('\t', tab + 1)
    const usage = parseUsage(line.slice(tab + 1, second))
    const isWhole = tab > 0 && second > 0 && !Number.isNaN(usage.wallMs)
    if (run.state !== 'begun' || !isWhole) throw new TypeError('no end')
    const rest = line.slice(second + 1)
    const outcome: Outcome =
      line[0] === 'd'
        ? { kind: 'returned', result: rest === '' ? null : rest, usage }
        : { ...parseOutcome(rest), usage }
    const { wallMs } = usage
    this.#cpuMs += usage.cpuMs ?? 0
    this.#work.ended(wallMs)
    this.#forget(run)
    this.#owner.onEnded(run, answered(run, outcome))
  }

  #forget(run: Run): void {
    this.#runs.delete(run.seq)
    if (run.state === 'begun') this.begun--
    if (run.askedAt !== null) this.#held--
  }

  #logged(run: Run | undefined, line: LogLine): void {
    const [, fields, message] = line
    if ((fields as { stream?: unknown }).stream === 'stderr') run?.hear(message ?? '')
    this.#log(run, line)
  }

  #log(run: Run | undefined, line: LogLine): void {
    const [level, fields, message] = line
    if (run === undefined) this.#owner.onLog(line)
    else run.attempt.report.log(run.attempt.job, level, fields, message)
  }

  /** What native code and grandchildren print: the only job's, if there is one only. */
  #printed(stream: 'stdout' | 'stderr', text: string): void {
    const begun = [...this.#runs.values()].filter((run) => run.state === 'begun')
    this.#log(begun.length === 1 ? begun[0] : undefined, [
      stream === 'stdout' ? 'info' : 'warn',
      { stream },
      text,
    ])
  }

  #onTurn(): void {
    this.heardAt = performance.now()
    this.flush()
    if (this.#state === 'retiring') this.retire()
    this.#owner.onNews()
  }

  #gone(exit: ChildExit): void {
    this.#output.stdout.end()
    this.#output.stderr.end()
    const wasBooting = this.readyAt === 0
    this.#state = 'gone'
    if (this.#violation !== null) exit = { ...exit, garbage: this.#violation }
    if (wasBooting) this.bootError ??= { name: 'Error', message: '', stack: null }
    this.#owner.onGone(this, exit)
  }
}
