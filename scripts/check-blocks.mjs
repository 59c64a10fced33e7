// The code of the documents does what it says. Every block is compiled, run, compared with a file, or has a comment that
// says why not (page-blocks.mjs). "ts" blocks are compiled in one program against the built package; pages that say
// so are run, on one server, and "text" blocks are what they print; "sql" is run on a migrated database.
//
//   node scripts/check-blocks.mjs                       all pages
//   node scripts/check-blocks.mjs docs/learning/x.md    these
import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { parseAllDocuments } from 'yaml'
import { blocksOf, nameOf } from './page-blocks.mjs'
import { programOf } from './page-program.mjs'
import { commandFault } from './shell-lines.mjs'
import { report, root, textOf } from './source-tree.mjs'

/** Their commands and programs are run literally by another check. */
const FOLLOWED = { 'README.md': 'check-readme', 'docs/introduction.md': 'check-introduction' }
const STEPS = new Set(['ts', 'sql', 'sh', 'text'])
const work = join(root, '.blocks')
const problems = []
const written = []
const counts = { run: 0, compiled: 0, compared: 0, read: 0, unchecked: 0 }

rmSync(work, { recursive: true, force: true })
const server = await serverUrl()
const pages = await Promise.all(listPages().map(prepare))
writeProject()
const compiled = compile()
await runPages(pages.filter(({ program }) => program !== null))
await compiled
await server.close?.()
if (problems.length === 0) rmSync(work, { recursive: true, force: true })
report(
  problems,
  `${Object.entries(counts)
    .map(([what, count]) => `${count} ${what}`)
    .join(', ')} blocks of ${pages.length} pages`,
)

function listPages() {
  const wanted = process.argv.slice(2)
  if (wanted.length > 0) return wanted
  const args = [
    'ls-files',
    '-co',
    '--exclude-standard',
    'README.md',
    'CONTRIBUTING.md',
    'docs/*.md',
  ]
  return execFileSync('git', args, { cwd: root, encoding: 'utf8' })
    .trim()
    .split('\n')
    .filter((file) => existsSync(join(root, file)))
}

async function serverUrl() {
  if (process.env.DATABASE_URL) return { url: process.env.DATABASE_URL }
  const { embeddedPostgres } = await import('../dist/database/drivers/embedded-postgres.js')
  const embedded = embeddedPostgres()
  return { url: await embedded.url(), close: () => embedded.close() }
}

async function prepare(file) {
  const text = textOf(file)
  const { mode, blocks, faults } = blocksOf(text)
  for (const fault of faults) problems.push(`${file}:${fault}`)
  const [verb, reason] = mode?.split(/, (.*)/s) ?? []
  const fail = (block, why) => problems.push(`${file}:${block.line}: ${why}`)
  if (mode !== null && verb !== 'run' && !reason?.trim())
    problems.push(`${file} says no reason for "blocks: ${verb}"`)
  if (verb === 'none') {
    counts.unchecked += blocks.length
    return { file, program: null }
  }
  if (
    mode === null &&
    blocks.some(({ kind, unchecked }) => kind === 'ts' && unchecked === undefined)
  )
    problems.push(`${file} does not say "<!-- blocks: run -->" or "<!-- blocks: types, why -->"`)
  const steps = []
  for (const block of blocks) {
    if (block.unchecked !== undefined) counts.unchecked++
    else if (await isStep(block)) steps.push(block)
  }
  const program = writeProgram(steps)
  return { file, program }

  async function isStep(block) {
    const followed = file in FOLLOWED && !block.isHidden
    if (block.file !== undefined) {
      counts.compared++
      if (!existsSync(join(root, block.file)) || textOf(block.file) !== block.text)
        fail(block, `is not the text of ${block.file}`)
      return false
    }
    switch (block.kind) {
      case 'ts':
        if (!block.isHidden) counts[verb === 'run' ? 'run' : 'compiled']++
        return true
      case 'sql':
        if (!block.isHidden) counts.run++
        return true
      case 'text':
        if (followed) return false
        if (!block.isHidden) counts.compared++
        return true
      case 'js':
        if (!followed) fail(block, 'write it in TypeScript')
        return false
      case 'sh':
        if (block.run || block.isHidden) {
          counts.run++
          return true
        }
        counts[followed ? 'run' : 'read']++
        if (!followed) for (const why of await commandFault(block.text)) fail(block, why)
        return false
      case 'json':
        counts.read++
        tryTo(block, () => JSON.parse(nameOf(block) ? block.text.replace(/^.*\n/, '') : block.text))
        return false
      case 'yaml':
        counts.read++
        for (const { errors } of parseAllDocuments(block.text))
          for (const { message } of errors) fail(block, message)
        return false
      case 'mermaid':
        return false
      default:
        fail(
          block,
          `a block of "${block.kind}" is compared with a file, or says why it is not checked`,
        )
        return false
    }
  }

  function tryTo(block, parse) {
    try {
      parse()
    } catch (error) {
      fail(block, error.message)
    }
  }

  function writeProgram(all) {
    // Without it the statements of the page are alone, in a database that is migrated.
    const isRun = verb === 'run'
    const run = isRun ? all : all.filter(({ kind }) => kind !== 'ts')
    const typed = isRun ? all : all.filter(({ kind }) => kind === 'ts')
    const folder = join(work, file.replace(/\.md$/, ''))
    try {
      const last = write(folder, isRun ? all : typed)
      if (isRun) return all.length === 0 ? null : { path: join(folder, last), isMigrated: false }
      if (run.length === 0) return null
      const path = join(`${folder}.steps`, write(`${folder}.steps`, run))
      return { path, isMigrated: true }
    } catch (error) {
      problems.push(`${file}: ${error.message}`)
      return null
    }
  }

  function write(folder, all) {
    const { files, last } = programOf(all.filter(({ kind }) => STEPS.has(kind)))
    for (const [name, content] of files) {
      mkdirSync(dirname(join(folder, name)), { recursive: true })
      writeFileSync(join(folder, name), content)
      written.push(`./${relative(work, join(folder, name))}`)
    }
    return last
  }
}

function writeProject() {
  const typed = ['./page.d.ts', ...written]
  const compilerOptions = {
    // A reader's program has other rules than this repository.
    noUnusedLocals: false,
    noUnusedParameters: false,
    verbatimModuleSyntax: false,
    erasableSyntaxOnly: false,
    isolatedModules: false,
    exactOptionalPropertyTypes: false,
    noUncheckedIndexedAccess: false,
    experimentalDecorators: true,
    strictPropertyInitialization: false,
    lib: ['es2023', 'esnext.disposable', 'dom'],
  }
  const project = { extends: '../tsconfig.json', compilerOptions, files: typed, include: [] }
  mkdirSync(work, { recursive: true })
  writeFileSync(join(work, 'tsconfig.json'), JSON.stringify(project))
  writeFileSync(
    join(work, 'page.d.ts'),
    'declare const page: Record<"sql" | "sh" | "text", (text: string, line: number) => Promise<void>>\n',
  )
}

async function compile() {
  const tsc = join(root, 'node_modules', 'typescript', 'bin', 'tsc')
  const child = spawn(process.execPath, [tsc, '-p', work, '--pretty', 'false'], { cwd: root })
  let output = ''
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (chunk) => {
      output += chunk
    })
  await once(child, 'close')
  for (const line of output.trim().split('\n')) if (line !== '') problems.push(toPage(line))
}

async function runPages(programs) {
  if (programs.length === 0) return
  const list = programs.map(({ file, program }) => ({ file, ...program }))
  const pages = JSON.stringify({ pages: list, url: server.url })
  const env = {
    ...process.env,
    CHANCY_PAGES: pages,
    PATH: `${binFolder()}:${process.env.PATH}`,
    TSX_TSCONFIG_PATH: join(work, 'tsconfig.json'),
  }
  const args = ['--import', 'tsx', join(root, 'scripts', 'run-pages.mjs')]
  const child = spawn(process.execPath, args, { cwd: root, env })
  let output = ''
  let errors = ''
  child.stdout.on('data', (chunk) => {
    output += chunk
  })
  child.stderr.on('data', (chunk) => {
    errors += chunk
  })
  const [code] = await once(child, 'close')
  const results = output
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line))
  for (const { file, ms, fault } of results) {
    if (process.env.CHANCY_PAGE_TIMES) console.error(`${String(ms).padStart(6)} ms  ${file}`)
    if (fault !== null) problems.push(`${file}: ${toPage(fault)}`)
  }
  if (code !== 0 || results.length < list.length)
    problems.push(`the pages after ${results.at(-1)?.file} were not run (${code}):\n${errors}`)
  else if (problems.length > 0) problems.push(errors.slice(-4_000))
}

/** `chancy` as it is after an installation. */
function binFolder() {
  const folder = join(work, 'bin')
  mkdirSync(folder, { recursive: true })
  const main = join(root, 'dist', 'cli', 'main.js')
  writeFileSync(join(folder, 'chancy'), `#!/bin/sh\nexec node ${main} "$@"\n`, { mode: 0o755 })
  return folder
}

/** A file that was made of a page is named as the page. */
function toPage(text) {
  return text.replaceAll(/(?:file:\/\/)?[^\s("']*\.blocks\/([^\s:()"']+)/g, (found, path) => {
    const page = pages.find(({ file }) =>
      /^(\.steps)?\//.test(path.split(file.replace(/\.md$/, ''))[1] ?? ''),
    )
    const name = path.split('/').at(-1)
    return page === undefined ? found : `${page.file}${/^block-\d+/.test(name) ? '' : ` ${name}`}`
  })
}
