/** The body of an answer that is an error: `application/problem+json`. */
export interface ProblemBody {
  readonly title: string
  readonly status: number
  readonly code: string
  readonly detail?: string | null
  readonly details?: Readonly<Record<string, unknown>> | null
  readonly requestId?: string | null
  /** Where one signs in. */
  readonly login?: string | null
}

/** An answer that is an error, or a server that does not answer. */
export class ApiProblem extends Error {
  readonly code: string
  readonly status: number
  readonly detail: string
  readonly details: Readonly<Record<string, unknown>>
  readonly requestId: string | null
  readonly login: string | null
  readonly retryAfterS: number | null

  constructor(body: ProblemBody, retryAfterS: number | null = null) {
    super(body.title)
    this.code = body.code
    this.status = body.status
    this.detail = body.detail ?? ''
    this.details = body.details ?? {}
    this.requestId = body.requestId ?? null
    this.login = body.login ?? (this.details.login as string | undefined) ?? null
    this.retryAfterS = retryAfterS
  }

  /** States of the whole page: no panel can say more. */
  get isOfPage(): boolean {
    return ['ACCESS_NEEDED', 'MIGRATIONS_NEEDED', 'HOST_REFUSED', SERVER_LOST].includes(this.code)
  }
}

/** The code that stands for a server without an answer; it is none of the catalogue. */
export const SERVER_LOST = 'SERVER_LOST'

export const lostServer = (): ApiProblem =>
  new ApiProblem({
    title: 'The server does not answer',
    status: 0,
    code: SERVER_LOST,
    detail: 'The process that serves this page is stopped, or the network is interrupted.',
  })

export function asProblem(error: unknown): ApiProblem {
  if (error instanceof ApiProblem) return error
  return new ApiProblem({
    title: 'This page cannot show the answer',
    status: 0,
    code: 'PAGE_FAULT',
    detail: error instanceof Error ? error.message : String(error),
  })
}
