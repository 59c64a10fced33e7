import { VERSION } from '../../core/version.ts'
import { command } from '../program/command.ts'

export const version = command({
  name: 'version',
  summary: 'print the versions of Chancy and Node',
  isAlone: true,
  async run() {
    const value = { chancy: VERSION, node: process.versions.node }
    return { value }
  },
})
