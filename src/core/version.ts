/** The version of this package, as `package.json` has it; compared by scripts/check-exports.mjs. */
export const VERSION = '0.1.0'
