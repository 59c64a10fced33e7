// The files of examples for those who deploy a worker: the image (its build steps and its command run here, without an
// engine), the unit of systemd, and the manifests of Kubernetes. What several of them say is compared: that a
// platform waits longer than a worker takes to stop, that probes ask a port that is there, that commands exist.
import { execFileSync, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { cpSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseAllDocuments } from 'yaml'
import { embeddedPostgres } from '../dist/database/drivers/embedded-postgres.js'
import { Chancy } from '../dist/index.js'
import { commandFault } from './shell-lines.mjs'
import { report, root, textOf } from './source-tree.mjs'

/** `shutdownTimeout`, and what the last outcomes may take. */
const LONGEST_STOP_S = 25 + 10
const START_TIMEOUT_MS = 240_000
const problems = []
const dockerfile = 'examples/docker/Dockerfile'

const instructions = readDockerfile()
checkDockerfile()
checkUnit('examples/systemd/chancy-worker.service')
checkCompose('examples/docker/compose.yaml')
await checkKubernetes()
await runImage()
report(problems, 'the image, the unit and the manifests are in order')

function fail(file, why) {
  problems.push(`${file}: ${why}`)
}

function readDockerfile() {
  const lines = textOf(dockerfile)
    .replaceAll(/\\\n\s*/g, ' ')
    .split('\n')
  return lines
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map((line) => {
      const [, verb, rest] = /^([A-Z]+)\s+(.*)$/.exec(line) ?? [null, line, '']
      return { verb, rest }
    })
}

function checkDockerfile() {
  const of = (verb) => instructions.filter((it) => it.verb === verb).map(({ rest }) => rest)
  const last = instructions.slice(instructions.findLastIndex(({ verb }) => verb === 'FROM'))
  const ofLast = (verb) => last.filter((it) => it.verb === verb).map(({ rest }) => rest)
  for (const image of of('FROM'))
    if (!/^[\w./-]+:\d+\.\d+[\w.-]*( AS \w+)?$/.test(image))
      fail(dockerfile, `pin a version: FROM ${image}`)
  const known = /^(FROM|WORKDIR|COPY|RUN|ENV|USER|STOPSIGNAL|CMD)$/
  for (const { verb } of instructions)
    if (!known.test(verb)) fail(dockerfile, `${verb} is not expected`)
  for (const folder of of('WORKDIR'))
    if (!folder.startsWith('/')) fail(dockerfile, `WORKDIR ${folder} is relative`)
  if (ofLast('USER').length !== 1 || /^(root|0)\b/.test(ofLast('USER')[0]))
    fail(dockerfile, 'runs as root')
  const stages = of('FROM').flatMap((image) => / AS (\w+)$/.exec(image)?.[1] ?? [])
  for (const copy of of('COPY')) {
    const from = /--from=(\w+)/.exec(copy)?.[1]
    if (from !== undefined && !stages.includes(from)) fail(dockerfile, `there is no stage ${from}`)
  }
  const order = instructions.map(({ verb, rest }) => `${verb} ${rest}`)
  const isBefore = (first, second) =>
    order.findIndex((it) => first.test(it)) < order.findIndex((it) => second.test(it))
  if (
    !isBefore(/^COPY package.json package-lock.json/, /^RUN npm ci/) ||
    !isBefore(/^RUN npm ci/, /^COPY src/)
  )
    fail(dockerfile, 'packages are installed again at each change of a source')
  if (commandOf() === null)
    fail(dockerfile, 'CMD is not an array, so a shell would get the signals')
  if (/(PASSWORD|SECRET|DATABASE_URL)=/.test(order.join('\n'))) fail(dockerfile, 'holds a secret')
  for (const file of ['node_modules', '.env', '.git'])
    if (!textOf('examples/docker/.dockerignore').split('\n').includes(file))
      fail('.dockerignore', `lacks ${file}`)
}

function commandOf() {
  const text = instructions.findLast(({ verb }) => verb === 'CMD')?.rest
  try {
    return JSON.parse(text)
  } catch {
    return null
  }
}

function checkUnit(file) {
  const values = new Map()
  for (const line of textOf(file).split('\n')) {
    if (line === '' || /^(#|\[\w+\]$)/.test(line)) continue
    const [, name, value] = /^(\w+)=(.+)$/.exec(line) ?? []
    if (name === undefined) fail(file, `"${line}" is no assignment`)
    else values.set(name, value)
  }
  if (!values.get('ExecStart')?.startsWith('/')) fail(file, 'ExecStart needs a whole path')
  if (!(Number(values.get('TimeoutStopSec')) > LONGEST_STOP_S))
    fail(file, `TimeoutStopSec has to be over ${LONGEST_STOP_S}`)
  if (values.get('Restart') !== 'always') fail(file, 'a worker that ended has to start again')
  if (!values.has('User')) fail(file, 'runs as root')
  const { error, stderr } = spawnSync('systemd-analyze', ['verify', join(root, file)], {
    encoding: 'utf8',
  })
  if (error?.code === 'ENOENT') return
  // What the unit starts is not on this machine.
  for (const line of (stderr ?? '').split('\n'))
    if (line.includes('chancy-worker.service') && !/not executable|No such file/.test(line))
      fail(file, line)
}

function documentsOf(file) {
  return parseAllDocuments(textOf(file)).map((document) => {
    for (const { message } of [...document.errors, ...document.warnings]) fail(file, message)
    return document.toJS()
  })
}

function checkCompose(file) {
  const [{ services }] = documentsOf(file)
  const { worker } = services
  if (!(Number.parseInt(worker.stop_grace_period, 10) > LONGEST_STOP_S))
    fail(file, 'stop_grace_period is too short')
  if (worker.init !== true) fail(file, 'the worker is PID 1')
  for (const [name, { depends_on: needs = {} }] of Object.entries(services))
    for (const needed of Object.keys(needs))
      if (services[needed] === undefined) fail(file, `${name} needs ${needed}`)
}

async function checkKubernetes() {
  const folder = 'examples/kubernetes'
  const found = new Map()
  for (const name of readdirSync(join(root, folder)).sort()) {
    const file = `${folder}/${name}`
    for (const one of documentsOf(file)) {
      if (!one.apiVersion || !one.metadata?.name) fail(file, 'lacks apiVersion or a name')
      found.set(one.kind, { file, ...one })
      for (const container of one.spec.template?.spec.containers ?? []) {
        if (!/:\d/.test(container.image)) fail(file, `pin a version: ${container.image}`)
        for (const why of await commandFault(container.command.join(' '))) fail(file, why)
      }
    }
  }
  const { file, spec, metadata } = found.get('Deployment')
  const { template, selector } = spec
  for (const [key, value] of Object.entries(selector.matchLabels))
    if (template.metadata.labels[key] !== value) fail(file, `the selector ${key} finds no pod`)
  if (!(template.spec.terminationGracePeriodSeconds > LONGEST_STOP_S))
    fail(file, 'the grace period is too short')
  const [container] = template.spec.containers
  const port = container.ports.find(({ name }) => name === 'health')?.containerPort
  const given = container.command[container.command.indexOf('--health-port') + 1]
  if (String(port) !== given) fail(file, `the port "health" is ${port}, and --health-port ${given}`)
  for (const [probe, path] of [
    ['startupProbe', '/ready'],
    ['readinessProbe', '/ready'],
    ['livenessProbe', '/live'],
  ]) {
    const { httpGet } = container[probe]
    if (httpGet.path !== path || httpGet.port !== 'health')
      fail(file, `${probe} asks ${httpGet.path} of ${httpGet.port}`)
  }
  const scaled = found.get('ScaledObject')
  if (scaled.spec.scaleTargetRef.name !== metadata.name)
    fail(scaled.file, 'scales no deployment that is there')
  for (const {
    metadata: { query },
  } of scaled.spec.triggers) {
    const called = /^SELECT chancy\.(\w+)\('/.exec(query)?.[1]
    if (!new RegExp(`FUNCTION chancy\\.${called}\\(`).test(textOf('test/schema.sql')))
      fail(scaled.file, `"${query}" calls no function of the schema`)
  }
}

/** The build steps and the command of the image, in a folder with the packages of this repository. */
async function runImage() {
  const folder = mkdtempSync(join(tmpdir(), 'chancy-image-'))
  const server = embeddedPostgres()
  try {
    for (const copied of ['package.json', 'tsconfig.json', 'src'])
      cpSync(join(root, 'examples', 'docker', copied), join(folder, copied), { recursive: true })
    linkPackages(join(folder, 'node_modules'))
    // What `npm ci` and `npm prune` do is the registry's; the packages are there.
    for (const { verb, rest } of instructions)
      if (verb === 'RUN' && !/^npm (ci|prune)\b/.test(rest))
        execFileSync('sh', ['-c', rest], { cwd: folder, stdio: 'pipe' })
    const url = await server.url()
    const chancy = new Chancy(url)
    await chancy.migrate()
    await runCommand(folder, url, chancy)
    await chancy.close()
  } catch (error) {
    fail(dockerfile, `${error.message}\n${error.stdout ?? ''}${error.stderr ?? ''}`)
  } finally {
    await server.close()
    rmSync(folder, { recursive: true, force: true })
  }
}

function linkPackages(modules) {
  mkdirSync(modules)
  for (const name of readdirSync(join(root, 'node_modules')).filter(
    (it) => !it.startsWith('.cache'),
  ))
    symlinkSync(join(root, 'node_modules', name), join(modules, name), 'junction')
  symlinkSync(root, join(modules, 'chancy'), 'junction')
}

async function runCommand(folder, url, chancy) {
  const [program, ...args] = commandOf()
  const env = { ...process.env, DATABASE_URL: url, NODE_ENV: 'production' }
  const child = spawn(program, args, { cwd: folder, env })
  let output = ''
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (chunk) => {
      output += chunk
    })
  const closed = once(child, 'close')
  const timer = setTimeout(() => child.kill('SIGKILL'), START_TIMEOUT_MS)
  try {
    const { Job } = await import('../dist/index.js')
    const reference = await chancy.push(Job.named('greet', { args: { name: 'Ada' } }))
    const done = await Promise.race([chancy.waitForJob(reference), closed.then(() => null)])
    if (done?.result !== 'Hello, Ada!')
      fail(dockerfile, `the worker did not run the job:\n${output}`)
    child.kill('SIGTERM')
    const [code] = await closed
    if (code !== 0) fail(dockerfile, `the worker ended with ${code}:\n${output}`)
  } finally {
    clearTimeout(timer)
    child.kill('SIGKILL')
  }
}
