// Does literally what a page says, as a reader would in one folder and its terminals: files are code blocks
// whose first line names them, commands are the lines of the "sh" blocks, and a "text" block is what the
// last of them prints. A worker is left running, and gets a Ctrl+C at the end.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { install, killGroup, run } from './fresh-clone.mjs'

const BLOCK = /```(\w+)\n([\s\S]*?)```/g
const FILE = /^\/\/ ([\w./-]+\.\w+)\n/
const WORKER = /^npx (tsx worker\.ts|chancy dev)$/
const START_MS = 90_000

/**
 * @param clone where `npm ci` has been run
 * @param packed where the tarball is that the page installs
 * @param skipped commands that are not run here, since CI runs them by themselves
 * @returns what each command printed
 */
export async function followPage(text, { clone, packed = clone, folder, env, skipped = [] }) {
  const outputs = new Map()
  const workers = []
  let printed = ''
  try {
    for (const [, kind, body] of text.matchAll(BLOCK)) {
      const name = FILE.exec(body)?.[1]
      if (kind === 'sh') {
        for (const line of body.trim().split('\n')) {
          if (skipped.includes(line)) continue
          printed = await follow(line)
          outputs.set(line, printed)
        }
      } else if (kind === 'text') {
        if (printed !== body) throw new Error(`expected ${show(body)}, got ${show(printed)}`)
      } else if (name !== undefined) {
        mkdirSync(dirname(join(folder, name)), { recursive: true })
        writeFileSync(join(folder, name), body)
      }
    }
    for (const worker of workers) await stop(worker)
    return outputs
  } finally {
    for (const { child } of workers) killGroup(child, 'SIGKILL')
  }

  async function follow(line) {
    if (WORKER.test(line)) {
      workers.push(await startWorker(line))
      return ''
    }
    if (line.startsWith('npm ci && ')) return run(line.slice('npm ci && '.length), clone, { env })
    const [tool, verb, ...packages] = line.split(' ')
    if (tool !== 'npm' || verb !== 'install') return run(line, folder, { env })
    checkPackages(packages.filter((one) => !one.startsWith('-')))
    const tarball = packages.find((one) => one.endsWith('.tgz'))
    if (tarball !== undefined) install(join(packed, tarball), folder)
    return ''
  }

  /** What is linked in place of an installation is what this repository has. */
  function checkPackages(packages) {
    for (const one of packages) {
      if (one.endsWith('.tgz')) continue
      run(`npm ls ${one} --depth=0`, clone, { env })
    }
  }

  async function startWorker(line) {
    const child = spawn(line, { cwd: folder, env, shell: true, detached: true })
    const worker = { child, line, output: '', closed: once(child, 'close') }
    for (const stream of [child.stdout, child.stderr]) {
      stream.on('data', (chunk) => {
        worker.output += chunk
      })
    }
    const endsAt = performance.now() + START_MS
    while (!worker.output.includes('worker started')) {
      if (child.exitCode !== null || performance.now() > endsAt)
        throw new Error(`"${line}" did not start:\n${worker.output}`)
      await new Promise((resolve) => setTimeout(resolve, 100))
    }
    return worker
  }

  /** As a terminal does it: to every process of the group. */
  async function stop(worker) {
    const { child, closed, line } = worker
    killGroup(child, 'SIGINT')
    await closed
    if (!worker.output.includes('worker stopped'))
      throw new Error(`"${line}" did not stop well:\n${worker.output}`)
  }
}

function show(text) {
  return JSON.stringify(text)
}
