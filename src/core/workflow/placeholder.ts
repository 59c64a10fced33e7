import { ConfigError } from '../errors.ts'

/** Where a placeholder keeps what it stands for; the same symbol in every copy of the package. */
const ORIGIN = Symbol.for('chancy.placeholder')
const SHOWN = Symbol.for('nodejs.util.inspect.custom')

export type PathKey = string | number

/** What a placeholder stands for. */
export interface Origin {
  /** Where it can be used: the build of its workflow, or the arguments of its map. */
  readonly scope: object
  /** The ordinal of a step; in a map the item and its index. */
  readonly from: number | 'item' | 'index'
  /** As it is written before the path: `pay.output`. */
  readonly root: string
  /** Whether it is read by `outputOrNull`. */
  readonly isNullable: boolean
  readonly path: readonly PathKey[]
}

/** A placeholder for what a step will give. Each property of it is a placeholder for that part. */
export function placeholder(origin: Origin): unknown {
  // A function, so that a call of it is noticed too: `pay.output.items.map(…)`. Node prints the target of a proxy.
  const target = Object.assign(() => undefined, {
    [SHOWN]: () => `Placeholder(${showOrigin(origin)})`,
  })
  return new Proxy(target, new PlaceholderTraps(origin))
}

/** What a value stands for, or null when it is no placeholder. */
export function originOf(value: unknown): Origin | null {
  if (typeof value !== 'function') return null
  return ((value as { readonly [ORIGIN]?: Origin })[ORIGIN] ?? null) as Origin | null
}

/** As it is written: `pay.output.items[0].id`. */
export function showOrigin({ root, path }: Origin): string {
  return path.reduce<string>((text, key) => {
    if (typeof key === 'number') return `${text}[${key}]`
    return IDENTIFIER.test(key) ? `${text}.${key}` : `${text}[${JSON.stringify(key)}]`
  }, root)
}

const IDENTIFIER = /^[A-Za-z_$][\w$]*$/
const INDEX = /^(?:0|[1-9]\d{0,8})$/

// What JavaScript itself calls: no part of an output is reached by these names.
const CALLED = new Map<string | symbol, string>([
  [Symbol.toPrimitive, 'made text, a number or compared'],
  [Symbol.iterator, 'iterated: flow.map() runs one job for each item of a list'],
  [Symbol.asyncIterator, 'iterated: flow.map() runs one job for each item of a list'],
  ['toJSON', 'written as JSON'],
  ['toString', 'made text'],
  ['toLocaleString', 'made text'],
  ['valueOf', 'made a value'],
  ['hasOwnProperty', 'searched for a property'],
  ['isPrototypeOf', 'compared'],
  ['propertyIsEnumerable', 'searched for a property'],
])

class PlaceholderTraps implements ProxyHandler<() => undefined> {
  readonly #origin: Origin

  constructor(origin: Origin) {
    this.#origin = origin
  }

  get(_target: unknown, key: string | symbol): unknown {
    if (key === ORIGIN) return this.#origin
    const use = CALLED.get(key)
    if (use !== undefined) return () => this.#refuse(use)
    if (typeof key === 'symbol') return undefined
    if (key === '__proto__') return this.#refuse('asked for its prototype')
    const { path } = this.#origin
    const part = INDEX.test(key) ? Number(key) : key
    return placeholder({ ...this.#origin, path: [...path, part] })
  }

  has(_target: unknown, key: string | symbol): boolean {
    return typeof key === 'symbol' ? key === ORIGIN : this.#refuse('searched for a property')
  }

  apply(): never {
    return this.#refuse('called or awaited: flow.map() runs one job for each item of a list')
  }

  construct(): never {
    return this.#refuse('called')
  }

  ownKeys(): never {
    return this.#refuse('spread or listed: pass it whole, or its fields one by one')
  }

  set(): never {
    return this.#refuse('changed')
  }

  defineProperty(): never {
    return this.#refuse('changed')
  }

  deleteProperty(): never {
    return this.#refuse('changed')
  }

  #refuse(use: string): never {
    const shown = showOrigin(this.#origin)
    throw new ConfigError(
      `${shown} stands for a value that is known only when the workflow runs, so it cannot be ${use}. ` +
        'Pass it as an argument of a step; a step runs depending on a value by runIf.',
      { details: { placeholder: shown } },
    )
  }
}
