import { execFile } from 'node:child_process'
import { existsSync, mkdirSync, rmSync, statSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'

const run = promisify(execFile)
const root = join(import.meta.dirname, '..', '..')

/**
 * Installs the packages of a folder, unless they are there as its lock file says.
 *
 * @returns why they are not there; undefined when they are
 */
export async function install(folder: string): Promise<string | undefined> {
  const cwd = join(import.meta.dirname, folder)
  // npm writes this file at the end of an installation.
  const installed = join(cwd, 'node_modules', '.package-lock.json')
  const lock = join(cwd, 'package-lock.json')
  try {
    if (!existsSync(installed) || statSync(installed).mtimeMs < statSync(lock).mtimeMs)
      await run('npm', ['ci', '--ignore-scripts', '--no-audit', '--loglevel=error'], {
        cwd,
        shell: process.platform === 'win32',
      })
    linkChancy(join(cwd, 'node_modules', 'chancy'))
    return undefined
  } catch (error) {
    const { stderr, message } = error as { stderr?: string; message: string }
    const [why] = (stderr || message).split('\n').filter((line) => /\S/.test(line))
    return `npm ci in test/libraries/${folder} failed: ${why?.replace(/https?:\S+/g, '…')}`
  }
}

/** As a user has it, beside the library: for the programs of the documentation. */
function linkChancy(link: string): void {
  rmSync(link, { force: true, recursive: true })
  mkdirSync(join(link, '..'), { recursive: true })
  symlinkSync(root, link, 'junction')
}
