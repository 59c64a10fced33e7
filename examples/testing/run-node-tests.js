// Runs the tests of node:test on one server: node run-node-tests.js
import { readdirSync } from 'node:fs'
import { run } from 'node:test'
import { spec } from 'node:test/reporters'
import { globalSetup } from 'chancy/testing/server'

const stop = await globalSetup()
const files = readdirSync('.').filter((name) => name.endsWith('.node.js'))
const tests = run({ files, concurrency: true })
tests.on('test:fail', () => {
  process.exitCode = 1
})
tests.once('end', stop)
tests.compose(new spec()).pipe(process.stdout)
