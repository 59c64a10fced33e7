import { existsSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import type { System } from './systems.ts'

const modules = new URL('../peers/node_modules/', import.meta.url)

export interface Runtime {
  /** The Node that runs it. */
  readonly node: string
  readonly nodeVersion: string
  /** The release that is measured. */
  readonly version: string
}

/** The running Node where it is new enough for the system, and else the one of bench/peers. */
export function runtimeOf(system: System, sameNode: boolean): Runtime {
  const manifest =
    system.package === undefined
      ? new URL('../../package.json', import.meta.url)
      : new URL(`${system.package}/package.json`, modules)
  if (!existsSync(manifest)) throw new Error(`${system.package} is not installed in bench/peers`)
  const { version, engines } = JSON.parse(readFileSync(manifest, 'utf8'))
  const own = process.versions.node
  if (!sameNode && !isOlder(own, engines?.node ?? '')) {
    return { node: process.execPath, nodeVersion: own, version }
  }
  const bundled = new URL('node/', modules)
  const { version: nodeVersion } = JSON.parse(
    readFileSync(new URL('package.json', bundled), 'utf8'),
  )
  const file = process.platform === 'win32' ? 'bin/node.exe' : 'bin/node'
  return { node: fileURLToPath(new URL(file, bundled)), nodeVersion, version }
}

/** Whether a version is below the `>=` of a range. */
function isOlder(version: string, range: string): boolean {
  const least = />=\s*([\d.]+)/.exec(range)?.[1]
  if (least === undefined) return false
  return version.localeCompare(least, 'en', { numeric: true }) < 0
}
