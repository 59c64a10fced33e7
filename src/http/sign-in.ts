/** By it an access function takes a browser in that follows a link, before it is asked for an access. */
export const SIGN_IN: unique symbol = Symbol.for('chancy.http.sign-in') as never

/** Where a link leads, as the browser sees it. */
export interface SignInAddress {
  readonly basePath: string
  /** Below the base. */
  readonly path: string
}

/** Null: the request is no such link. */
export type SignIn = (request: Request, address: SignInAddress) => Response | null

export function signInOf(access: object): SignIn | null {
  return (access as { readonly [SIGN_IN]?: SignIn })[SIGN_IN] ?? null
}
