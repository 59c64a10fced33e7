import type { Route } from '../../dist/http/route.js'

/** A request with one thing wrong, which needs no database to be seen. */
export interface Malformed {
  readonly what: string
  readonly request: Request
}

interface Draft {
  method: string
  path: string
  query: string
  body: string | Uint8Array<ArrayBuffer> | null
  readonly headers: Record<string, string>
}

type Json = Readonly<Record<string, unknown>>
type Spoil = (draft: Draft, route: Route) => string | null

const UNKNOWN = '0198a000-0000-7000-8000-000000000001'
const LARGE = `{"reason":"${'x'.repeat(1_100_000)}"}`
const VALID: Readonly<Record<string, string>> = {
  id: UNKNOWN,
  name: 'mail',
  key: 'nightly',
  fingerprint: '00000000000000ff',
}
const NO_SEGMENT = ['%00', '%ff', '%E0%A4%A', '%', '~', '~!', '~_w', '~AA', 'x'.repeat(1_500)]
const NO_ID = [
  ...NO_SEGMENT,
  ...['x', '%20', "'", '%27%3B--', '1', '..%2f..', '%F0%9F%92%A9', 'null', '-1', '%3Cimg%3E'],
  '0198a000-0000-7000-8000-00000000000g',
]
const NOT_OF: Readonly<Record<string, readonly string[]>> = {
  id: NO_ID,
  fingerprint: [...NO_ID, '00000000000000fg', '00000000000000ff00'],
  name: NO_SEGMENT,
  key: NO_SEGMENT,
}
const NO_JSON = ['{', '}', '{"a":', '[1,', 'nul', '"\\x"', '{a:1}', "{'a':1}", '\u0000', '{"a":1}{']
const NO_OBJECT = ['[]', '"x"', '1', 'true', 'null', '[{}]', '-0', '1e999']
const UNKNOWN_FIELDS = [
  '{"__proto__":{"role":"admin"}}',
  '{"constructor":{"prototype":{}}}',
  '{"prototype":1}',
  '{"toString":1}',
  '{"reasn":"typo"}',
  '{"\\u0000":1}',
  '{"":1}',
  `{"${'a'.repeat(10_000)}":1}`,
  `{"x":${'['.repeat(5_000)}${']'.repeat(5_000)}}`,
]
const NO_WORD = ['none-such', '', ' ', '%00', '__proto__', 'constructor', '%F0%9F%92%A9']
const NO_INTEGER = [
  'x',
  '',
  '1.5',
  '1e3',
  '0x10',
  '99999999999999999999',
  'NaN',
  'Infinity',
  '%00',
  '-',
]
const NO_TIME = [
  'yesterday',
  '',
  '2026-13-01T00:00:00Z',
  '2026-03-01',
  '1',
  '%00',
  '2026-03-01T12:00:00',
]
const NO_FILTER = [
  'state:none',
  '%22',
  'nokey:1',
  'created:never',
  'args..x:1',
  'priority:x',
  '-',
  'id:zz',
  'wait:>abc',
]
const NO_TOPICS = ['', 'none', 'job', 'queues:x', ':', ',', '__proto__']

/** Requests that are wrong by design, the same ones each time: as many as are wanted, over all routes in turn. */
export function* malformed(routes: readonly Route[], count: number): Generator<Malformed> {
  const next = randomly(22)
  for (let made = 0; made < count; ) {
    const route = routes[made % routes.length]!
    const draft = draftOf(route)
    const spoil = SPOILS[next(SPOILS.length)]!
    const what = spoil(next)(draft, route)
    if (what === null) continue
    made++
    yield { what: `${what} of ${route.method} ${route.path}`, request: requestOf(draft) }
  }
}

function draftOf({ method, path, body }: Route): Draft {
  const isBatch = path === '/jobs/batch'
  return {
    method,
    path: path.replace(/:(\w+)/g, (_, name: string) => VALID[name] ?? 'x'),
    query: '',
    body: body === null ? null : '{}',
    headers: {
      'x-chancy': '1',
      ...((body !== null || isBatch) && {
        'content-type': isBatch ? 'application/x-ndjson' : 'application/json',
      }),
    },
  }
}

function requestOf({ method, path, query, body, headers }: Draft): Request {
  const url = `http://localhost:8000/api/v1${path}${query === '' ? '' : `?${query}`}`
  return new Request(url, { method, headers, ...(body !== null && { body }) })
}

type Next = (most: number) => number

const SPOILS: readonly ((next: Next) => Spoil)[] = [
  (next) => (draft, route) => {
    const names = [...route.path.matchAll(/:(\w+)/g)].map(([, name]) => name ?? '')
    const name = names[next(names.length)]
    if (name === undefined) return null
    draft.path = route.path.replace(/:(\w+)/g, (_, one: string) =>
      one === name ? pick(NOT_OF[one] ?? NO_SEGMENT, next) : (VALID[one] ?? 'x'),
    )
    return `a ${name} that is none`
  },
  (next) =>
    (draft, { takesAnyQuery }) => {
      if (takesAnyQuery) return null
      draft.query = pick(
        ['none=1', '__proto__=1', 'constructor=1', 'Limit=1', 'limit%5B%5D=1', '=1', '%00=1'],
        next,
      )
      return 'a parameter that there is not'
    },
  (next) =>
    (draft, { query, takesAnyQuery }) => {
      const names = Object.keys(query)
      const name = names[next(names.length)]
      if (name === undefined || takesAnyQuery) return null
      // What is wrong there is the answer.
      if (name === 'q' && draft.path === '/jobs/suggest') return null
      const wrong = wrongParameter(name, query[name]!.json as Json)
      draft.query = `${name}=${pick(wrong, next)}`
      return `a wrong ${name}`
    },
  (next) =>
    (draft, { query }) => {
      const name = Object.keys(query).find((one) => one === 'limit' || one === 'waitMs')
      if (name === undefined) return null
      draft.query = pick([`${name}=1&${name}=2`, `${name}=1&${name}=1`], next)
      return 'a parameter that stands twice'
    },
  (next) =>
    (draft, { body }) => {
      if (body === null) return null
      draft.body = pick([...NO_JSON, ...NO_OBJECT], next)
      return 'a body that is no object'
    },
  (next) =>
    (draft, { body }) => {
      if (body === null || !('properties' in body.json)) return null
      draft.body = pick(UNKNOWN_FIELDS, next)
      return 'a body with an unknown field'
    },
  (next) =>
    (draft, { body }) => {
      const { properties } = (body?.json ?? {}) as {
        readonly properties?: Readonly<Record<string, Json>>
      }
      const typed = Object.entries(properties ?? {}).filter(
        ([, shape]) => 'type' in shape || 'anyOf' in shape,
      )
      const field = typed[next(typed.length)]
      if (field === undefined) return null
      draft.body = JSON.stringify({ [field[0]]: pick(wrongValues(field[1]), next) })
      return `a wrong ${field[0]}`
    },
  () =>
    (draft, { body }) => {
      if (body === null) return null
      draft.body = new Uint8Array([0x7b, 0x22, 0xff, 0xfe, 0x22, 0x3a, 0x31, 0x7d])
      return 'a body that is no UTF-8'
    },
  (next) =>
    (draft, { body, path }) => {
      if (body === null && path !== '/jobs/batch') return null
      draft.body = '{}'
      draft.headers['content-type'] = pick(
        [
          'text/plain',
          'application/x-www-form-urlencoded',
          'multipart/form-data; boundary=x',
          'application/xml',
          'json',
          'application/json5',
          'text/json',
        ],
        next,
      )
      return 'a body of another type'
    },
  (next) =>
    (draft, { body }) => {
      if (body === null || next(5) > 0) return null
      draft.body = LARGE
      return 'a body that is too large'
    },
  () =>
    (draft, { body }) => {
      if (body === null) return null
      draft.headers['content-length'] = '99999999999'
      return 'a length that is too large'
    },
  (next) =>
    (draft, { method }) => {
      if (method === 'GET') return null
      const [name, value] = pick(
        [
          ['x-chancy', '0'],
          ['x-chancy', ''],
          ['origin', 'https://evil.example'],
          ['origin', 'null'],
          ['origin', 'http://localhost:8000.evil.example'],
          ['sec-fetch-site', 'cross-site'],
          ['sec-fetch-site', 'same-site'],
        ] as const,
        next,
      )
      draft.headers[name] = value
      return `a foreign ${name}`
    },
  (next) =>
    (draft, { path }) => {
      draft.path = pick(
        [
          `${draft.path}/`,
          `/${draft.path}`,
          `${draft.path}/x/y/z/w`,
          `${draft.path}%00/x/y/z/w`,
          `/none${path.length}`,
          `${draft.path}//explain`,
          '/',
        ],
        next,
      )
      return 'a path that there is not'
    },
  (next) => (draft) => {
    draft.method = pick(['OPTIONS', 'PROPFIND', 'QUERY', 'LINK', 'x'], next)
    draft.body = null
    return 'a method that there is not'
  },
  (next) => (draft) => {
    if (next(4) > 0) return null
    draft.query = `q=${'x'.repeat(9_000)}`
    return 'a URL that is too long'
  },
]

function wrongParameter(name: string, shape: Json): readonly string[] {
  if (name === 'q') return NO_FILTER
  if (name === 'topics') return NO_TOPICS
  if (name === 'cursor') return ['%00', '!!', 'x', '', '%ff', 'e30', 'x'.repeat(5_000), '_w']
  if (shape.type === 'integer') return NO_INTEGER
  if (shape.type === 'boolean') return NO_WORD
  if (shape.type === 'array') return NO_WORD
  if (shape.format === 'date-time') return NO_TIME
  if ('enum' in shape) return NO_WORD
  return ['', '%00', 'x'.repeat(7_000)]
}

/** Values that no shape of this kind takes. */
function wrongValues(shape: Json): readonly unknown[] {
  const { type, anyOf, format } = shape as {
    type?: string
    anyOf?: readonly Json[]
    format?: string
  }
  if (anyOf !== undefined) {
    const [inner = {}] = anyOf
    return wrongValues(inner).filter((one) => one !== null)
  }
  const others: unknown[] = [{ __proto__: null, constructor: 1 }, [[]], 1.5e300]
  if (type === 'string')
    return [
      ...others,
      1,
      true,
      null,
      [],
      '\u0000',
      ...(format === 'date-time' ? ['yesterday', ''] : []),
    ]
  if (type === 'integer' || type === 'number')
    return [...others.slice(0, 2), '1', true, null, 'NaN']
  if (type === 'boolean') return [...others, 'true', 1, null]
  if (type === 'array') return [1, 'x', { 0: 'a', length: 1 }, null, [1, null]]
  if (type === 'object') return [1, 'x', [], null, { none: 1 }]
  return others
}

function pick<T>(list: readonly T[], next: Next): T {
  return list[next(list.length)]!
}

function randomly(seed: number): Next {
  let state = seed
  return (most) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return most === 0 ? 0 : Math.floor((state / 2 ** 32) * most)
  }
}
