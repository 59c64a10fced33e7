import { base } from '../router.ts'
import { noteServerTime } from '../time.ts'
import { ApiProblem, lostServer, type ProblemBody } from './problem.ts'

/** An address of the API below the page's base. */
export const apiPath = (route: string): string => `${base}api/v1/${route}`

/** What is sent, and how an answer is read. */
export interface Call {
  readonly method?: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'
  readonly body?: unknown
  readonly signal?: AbortSignal
  readonly ifMatch?: string
}

export interface Answer<T> {
  readonly value: T
  readonly etag: string | null
  readonly status: number
}

/** The value of an answer. @throws {ApiProblem} for every other one, and when the server is not there */
export async function call<T>(route: string, options: Call = {}): Promise<T> {
  return (await callWhole<T>(route, options)).value
}

export async function callWhole<T>(route: string, options: Call = {}): Promise<Answer<T>> {
  const { method = 'GET', body, signal, ifMatch } = options
  const headers: Record<string, string> = { Accept: 'application/json' }
  if (method !== 'GET') headers['X-Chancy'] = '1'
  if (body !== undefined) headers['Content-Type'] = 'application/json'
  if (ifMatch !== undefined) headers['If-Match'] = ifMatch
  let response: Response
  try {
    response = await fetch(apiPath(route), {
      method,
      headers,
      credentials: 'same-origin',
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      ...(signal === undefined ? {} : { signal }),
    })
  } catch (cause) {
    if (signal?.aborted === true) throw cause
    throw lostServer()
  }
  const date = response.headers.get('Date')
  // Whole seconds: taken only where nothing better is known.
  if (date !== null && Math.abs(Date.parse(date) - Date.now()) > 5_000)
    noteServerTime(new Date(date).toISOString())
  const text = await response.text()
  const value: unknown = text === '' ? null : parsed(text)
  if (response.ok)
    return { value: value as T, etag: response.headers.get('ETag'), status: response.status }
  throw new ApiProblem(
    isProblem(value) ? value : unknownProblem(response),
    Number(response.headers.get('Retry-After')) || null,
  )
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return null
  }
}

function isProblem(value: unknown): value is ProblemBody {
  return typeof value === 'object' && value !== null && 'title' in value && 'code' in value
}

/** Of a proxy in between, whose page says nothing to a program. */
function unknownProblem({ status, statusText }: Response): ProblemBody {
  return {
    title: `The server answered ${status} ${statusText}`.trim(),
    status,
    code: status === 401 ? 'ACCESS_NEEDED' : status === 403 ? 'ACCESS_DENIED' : 'INTERNAL',
    detail: 'The answer is not one of Chancy: a proxy in between may have given it.',
    details: {},
    requestId: null,
  }
}

/** A name as a part of an address; what a proxy may decode stands in base64url behind `~`. */
export function pathPart(name: string): string {
  if (/^[A-Za-z0-9._-]+$/.test(name) && name !== '.' && name !== '..') return name
  const bytes = new TextEncoder().encode(name)
  const text = btoa(String.fromCharCode(...bytes))
  return `~${text.replaceAll('+', '-').replaceAll('/', '_').replace(/=+$/, '')}`
}

/** Texts as one parameter, apart by commas: a comma within one is `%2C`. */
export const listText = (texts: readonly string[]): string =>
  texts.map((one) => one.replaceAll('%', '%25').replaceAll(',', '%2C')).join(',')

/** `?a=1&b=2` of what is neither null nor undefined. */
export function search(params: Readonly<Record<string, string | number | null | undefined>>) {
  const found = new URLSearchParams()
  for (const [name, value] of Object.entries(params))
    if (value !== null && value !== undefined && value !== '') found.set(name, String(value))
  const text = found.toString()
  return text === '' ? '' : `?${text}`
}
