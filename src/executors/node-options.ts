const LOADING = /^(--import|--require|-r|--loader|--experimental-loader|--conditions|-C)(=|$)/
const SWITCHES =
  /^--(experimental-strip-types|experimental-transform-types|enable-source-maps|preserve-symlinks|no-warnings)$/

/** By it a child finds the face of this package that loads the core alone. */
const CHILD_CONDITION = '--conditions=chancy-child'

/** The options of Node that a child has: from this process what loads modules, and its condition. */
export function childNodeOptions(): string[] {
  return [...inherited(process.execArgv), CHILD_CONDITION]
}

function inherited(options: readonly string[]): string[] {
  const kept: string[] = []
  options.forEach((option, index) => {
    if (SWITCHES.test(option)) kept.push(option)
    const match = LOADING.exec(option)
    if (match === null) return
    kept.push(option)
    const value = options[index + 1]
    if (match[2] === '' && value !== undefined) kept.push(value)
  })
  return kept
}
