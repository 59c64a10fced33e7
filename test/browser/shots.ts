/**
 * Pictures of every page, theme and width, of the demo's jobs, and one sheet that shows them together.
 *
 *   npm run shots                into test/browser/shots, which is not in the repository
 *   npm run shots -- --readme    docs/assets/dashboard.png alone
 */
import { mkdirSync, writeFileSync } from 'node:fs'
import { setTimeout } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { type Browser, chromium } from 'playwright-core'
import { show } from '../../examples/demo/show.ts'
import { chromiumPath } from '../support/browser.ts'

const folder = fileURLToPath(new URL('./shots/', import.meta.url))
const picture = fileURLToPath(new URL('../../docs/assets/dashboard.png', import.meta.url))
const WIDTHS = [320, 390, 768, 1_280]
const THEMES = ['light', 'dark'] as const
/** Until the workers have written figures, and those of the past are added up. */
const WARM_UP_MS = 40_000

const executablePath = chromiumPath()
if (executablePath === null)
  throw new Error('No Chromium: install "chromium", or name one by CHROMIUM=…')
const over = new AbortController()
let ended = Promise.resolve()
const url = new Promise<string>((resolve) => {
  ended = show(over.signal, { port: 0, onReady: resolve })
})
const args = process.getuid?.() === 0 ? ['--no-sandbox'] : []
const browser = await chromium.launch({ executablePath, args })
try {
  const base = await Promise.race([url, ended.then(() => '')])
  console.log(`The workers write figures for ${WARM_UP_MS / 1_000} s first.`)
  await setTimeout(WARM_UP_MS)
  if (process.argv.includes('--readme')) await takeReadme(browser, base)
  else await takeAll(browser, base)
} finally {
  await browser.close()
  over.abort()
  await ended
}

async function takeReadme(browser: Browser, base: string): Promise<void> {
  const viewport = { width: 1_120, height: 860 }
  const page = await browser.newPage({ viewport, colorScheme: 'light' })
  await page.goto(base)
  await settle(page)
  mkdirSync(new URL('../../docs/assets/', import.meta.url), { recursive: true })
  await page.screenshot({ path: picture })
  console.log(picture)
}

async function takeAll(browser: Browser, base: string): Promise<void> {
  mkdirSync(folder, { recursive: true })
  const cells: string[] = []
  const paths = await pathsOf(base)
  for (const colorScheme of THEMES)
    for (const width of WIDTHS) {
      const page = await browser.newPage({ viewport: { width, height: 900 }, colorScheme })
      for (const [name, path] of paths) {
        await page.goto(base + path)
        await settle(page)
        const file = `${name}-${colorScheme}-${width}.png`
        await page.screenshot({ path: folder + file, fullPage: true })
        cells.push(
          `<figure><figcaption>${file}</figcaption><img src="${file}" loading="lazy"></figure>`,
        )
      }
      await page.close()
    }
  const style =
    'body{font:14px sans-serif;display:flex;flex-wrap:wrap;gap:16px;align-items:start}figure{margin:0}img{max-width:640px;border:1px solid #999}'
  writeFileSync(
    `${folder}index.html`,
    `<!doctype html><title>Pages</title><style>${style}</style>${cells.join('\n')}`,
  )
  console.log(`${cells.length} pictures: ${folder}index.html`)
}

/** Pages of which something is shown by its id are found by the API. */
async function pathsOf(base: string): Promise<readonly (readonly [string, string])[]> {
  const first = async (route: string, field: string) => {
    const response = await fetch(`${base}api/v1/${route}`)
    const { items } = (await response.json()) as { items: Record<string, string>[] }
    return items[0]?.[field] ?? 'none'
  }
  const plain = [
    'queues',
    'jobs',
    'failures',
    'workers',
    'workflows',
    'schedules',
    'groups',
    'charts',
    'actions',
  ]
  return [
    ['overview', ''],
    ...plain.map((name) => [name, name] as const),
    ['queue', 'queues/mail'],
    ['queue-paused', 'queues/sms'],
    ['job-failed', `jobs/${await first('jobs?q=state:failed', 'id')}`],
    ['job-waiting', `jobs/${await first('jobs?q=queue:crm+state:pending', 'id')}`],
    ['job-durable', `jobs/${await first('jobs?q=name:payments.refund', 'id')}`],
    ['failure', `failures/${await first('failures?version=v2.4.1', 'fingerprint')}`],
    ['workflow', `workflows/${await first('workflows?state=failed', 'id')}`],
    ['worker', `workers/${await first('workers', 'id')}`],
    ['schedule', 'schedules/daily-report'],
    ['not-found', 'jobs/0198f2aa-0000-7000-8000-000000000000'],
  ]
}

async function settle(page: Awaited<ReturnType<Browser['newPage']>>): Promise<void> {
  await page.locator('main h1').first().waitFor({ state: 'attached' })
  while ((await page.locator('.bones').count()) > 0) await setTimeout(50)
  // The charts are drawn after their library has come.
  await setTimeout(400)
}
