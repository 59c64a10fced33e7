// Adds what npm leaves out of package-lock.json when a registry does not carry a package for a
// foreign platform: without the entry `npm ci` refuses the whole file, everywhere. The version is the
// exact one its parent asks for; operating system and processor stand in its name.
//
//   node scripts/complete-lock.mjs               after npm install; check-words.mjs says when it is needed
//   node scripts/complete-lock.mjs bench/peers   the same for the lock file of that folder
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { root } from './source-tree.mjs'

const systems = /android|darwin|freebsd|linux|netbsd|openbsd|openharmony|win32/
const processors = /(?<=-)(arm64|x64|ia32|arm|ppc64|riscv64|s390x|loong64|mips64el)/

export function missingFromLock({ packages }) {
  return Object.entries(packages).flatMap(([path, { optionalDependencies = {}, dev }]) =>
    Object.entries(optionalDependencies)
      .filter(
        ([name]) => !packages[`node_modules/${name}`] && !packages[`${path}/node_modules/${name}`],
      )
      .map(([name, version]) => ({ name, version, dev })),
  )
}

function entry({ name, version, dev }) {
  const platform = name.slice(name.lastIndexOf('/') + 1)
  const libc = platform.includes('musl') ? 'musl' : platform.includes('gnu') ? 'glibc' : undefined
  return {
    version,
    cpu: [processors.exec(platform)?.[0]],
    ...(dev && { dev }),
    ...(libc && platform.includes('linux') && { libc: [libc] }),
    optional: true,
    os: [systems.exec(platform)?.[0]],
  }
}

if (import.meta.filename === process.argv[1]) {
  const file = join(root, process.argv[2] ?? '', 'package-lock.json')
  const lock = JSON.parse(readFileSync(file, 'utf8'))
  const missing = missingFromLock(lock)
  for (const one of missing) lock.packages[`node_modules/${one.name}`] = entry(one)
  const sorted = Object.entries(lock.packages).sort(([a], [b]) => (a < b ? -1 : 1))
  lock.packages = Object.fromEntries(sorted)
  writeFileSync(file, `${JSON.stringify(lock, null, 2)}\n`)
  console.log(`${missing.length} packages added to package-lock.json`)
}
