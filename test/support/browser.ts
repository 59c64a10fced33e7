import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { chromium } from 'playwright-core'
import type { TestProject } from 'vitest/node'

declare module 'vitest' {
  interface ProvidedContext {
    /** Where the browser of the tests listens, or null, and why there is none. */
    browserEndpoint: string | null
    browserMissing: string
  }
}

const NAMES = ['chromium', 'chromium-browser', 'google-chrome-stable', 'google-chrome']
const ROOT = fileURLToPath(new URL('../..', import.meta.url))

/** The program of `CHROMIUM`, or the first Chromium of the path; null when there is none. */
export function chromiumPath(): string | null {
  const given = process.env.CHROMIUM
  if (given !== undefined && given !== '') return existsSync(given) ? given : null
  const folders = (process.env.PATH ?? '').split(path.delimiter)
  const places = NAMES.flatMap((name) => folders.map((folder) => path.join(folder, name)))
  return places.find((place) => existsSync(place)) ?? null
}

/** Builds the page where it is out of date, and starts the one browser of all files. */
export async function setup(project: Pick<TestProject, 'provide'>): Promise<() => Promise<void>> {
  const executablePath = chromiumPath()
  if (executablePath === null) {
    const why = 'no Chromium: install "chromium", or name one by CHROMIUM=…'
    console.log(`The browser tests are skipped: ${why}`)
    project.provide('browserEndpoint', null)
    project.provide('browserMissing', why)
    return async () => {}
  }
  const built = spawnSync(process.execPath, ['scripts/dashboard.mjs'], {
    cwd: ROOT,
    stdio: 'inherit',
  })
  if (built.status !== 0) throw new Error('The dashboard cannot be built, for the reason above.')
  const isRoot = process.getuid?.() === 0
  const args = ['--force-prefers-reduced-motion', ...(isRoot ? ['--no-sandbox'] : [])]
  const server = await chromium.launchServer({ executablePath, args })
  project.provide('browserEndpoint', server.wsEndpoint())
  project.provide('browserMissing', '')
  return () => server.close()
}
