// Time is read and waited for through core/clock.ts, so that a test moves it ("Time" in CONTRIBUTING.md).
import { lineOf, report, sourceFiles, walk } from './source-tree.mjs'

const home = 'src/core/clock.ts'
/** The suites of the test kit measure a worker from outside, in real time. */
const suites = /^src\/testing\//
const functions = new Set(['setTimeout', 'setInterval', 'hrtime'])
const members = new Set(['Date.now', 'performance.now', 'process.uptime', 'AbortSignal.timeout'])
const modules = /^(node:)?(timers(\/promises)?|perf_hooks)$/

const files = sourceFiles('src').filter((file) => file !== home && !suites.test(file))
report(files.flatMap(strayTimes), `${files.length} files leave time to the clock`)

function strayTimes(file) {
  const found = []
  walk(file, (node) => {
    const text = ofTime(node)
    if (text === null) return
    found.push(
      `${file}:${lineOf(file, node.start)} has ${text}: use ${home} (CONTRIBUTING.md, "Time")`,
    )
  })
  return found
}

/** What a node has to do with time, as it is written, or null. */
function ofTime(node) {
  switch (node.type) {
    case 'Identifier':
      return functions.has(node.name) ? node.name : null
    case 'MemberExpression': {
      const text = `${node.object.name}.${node.property.name}`
      return members.has(text) ? text : null
    }
    case 'NewExpression':
    case 'CallExpression': {
      const isNow = node.callee.name === 'Date' && node.arguments.length === 0
      return isNow ? 'Date without arguments' : null
    }
    case 'ImportDeclaration':
    case 'ImportExpression':
      return modules.test(node.source.value ?? '') ? node.source.value : null
    default:
      return null
  }
}
