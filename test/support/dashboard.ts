import axe from 'axe-core'
import type { Chancy } from 'chancy'
import { createHandler, type HandlerOptions } from 'chancy/http'
import { type RunningServer, serve } from 'chancy/http/node'
import { type Browser, type BrowserContext, chromium, type Page } from 'playwright-core'
import { afterAll, afterEach, beforeAll, describe, expect, inject } from 'vitest'

export const missing = inject('browserMissing')

/** Tests in a browser; without one they are skipped, and the title says why. */
export function describeInBrowser(title: string, tests: () => void): void {
  if (inject('browserEndpoint') === null) describe.skip(`${title} (${missing})`, tests)
  else describe(title, tests)
}

export interface OpenOptions {
  readonly width?: number
  readonly theme?: 'light' | 'dark'
  readonly hasTouch?: boolean
  /** How far the clock of the browser is ahead, in milliseconds. */
  readonly aheadMs?: number
}

/** The browser of a file, and what is wrong with the pages that it has shown. */
export class Screens {
  readonly #contexts: BrowserContext[] = []
  /** Errors of the console, refusals of the policy, requests to other hosts: there must be none. */
  readonly faults: string[] = []
  #browser: Browser | null = null

  constructor() {
    beforeAll(async () => {
      const endpoint = inject('browserEndpoint')
      if (endpoint !== null) this.#browser = await chromium.connect(endpoint)
    })
    afterEach(async () => {
      for (const context of this.#contexts.splice(0)) await context.close()
      expect(this.faults.splice(0)).toEqual([])
    })
    afterAll(() => this.#browser?.close())
  }

  async open(url: string, options: OpenOptions = {}): Promise<Page> {
    const { width = 1_280, theme = 'light', hasTouch = false, aheadMs } = options
    const context = await this.#browser!.newContext({
      viewport: { width, height: 900 },
      colorScheme: theme,
      timezoneId: 'Europe/Berlin',
      hasTouch,
    })
    this.#contexts.push(context)
    if (aheadMs !== undefined) await context.addInitScript(setClock, aheadMs)
    const page = await context.newPage()
    const { origin } = new URL(url)
    page.on('pageerror', (error) => this.faults.push(`thrown: ${error}`))
    page.on('console', (message) => {
      // What a test makes the server refuse or lose is a line of the browser itself.
      const isOwn = /Failed to load resource|net::ERR/.test(message.text())
      if (message.type() === 'error' && !isOwn) this.faults.push(message.text())
    })
    page.on('request', (request) => {
      const address = new URL(request.url())
      if (address.origin !== origin && address.protocol !== 'blob:')
        this.faults.push(`a request to ${address.origin}`)
    })
    await page.goto(url)
    await page.locator('main h1').first().waitFor({ state: 'attached' })
    return page
  }
}

/** In the page: its clock is ahead of all others. */
function setClock(aheadMs: number): void {
  const Plain = Date
  globalThis.Date = class extends Plain {
    constructor(...given: unknown[]) {
      if (given.length === 0) super(Plain.now() + aheadMs)
      else super(...(given as [number]))
    }
    static override now(): number {
      return Plain.now() + aheadMs
    }
  } as DateConstructor
}

/** What axe finds wrong. It is evaluated by the debugger, so that the page's policy stays on. */
export async function wrongIn(page: Page): Promise<string[]> {
  await page.evaluate(axe.source)
  const found = await page.evaluate(async () => {
    const { axe } = globalThis as unknown as { axe: typeof import('axe-core') }
    const tags = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice']
    const { violations } = await axe.run({ runOnly: { type: 'tag', values: tags } })
    return violations.map(
      ({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html.slice(0, 160)).join(' | ')}`,
    )
  })
  return found.map((one) => `${new URL(page.url()).pathname} ${one}`)
}

/** Serves an application at a free port until the file ends. */
export async function serveApp(
  chancy: Chancy,
  options: HandlerOptions = {},
): Promise<RunningServer> {
  return serve(createHandler(chancy, options), { port: 0 })
}
