// Makes docs/reference/errors.md from the catalogue of errors (--write), or says that it is stale.
import { errorCatalogue } from '../dist/core/errors.js'
import { writeOrCompare } from './compare.mjs'

const rows = Object.entries(errorCatalogue)
  .sort(([a], [b]) => (a < b ? -1 : 1))
  .map(([code, sentence]) => `## ${code}\n\n${sentence}\n`)

writeOrCompare(
  'docs/reference/errors.md',
  `# Errors

Every error that Chancy throws is a \`ChancyError\` with one of these codes in \`error.code\`, and with
plain data about what was found in \`error.details\`. \`isChancyError(error)\` also knows errors that come
from another thread or a second copy of the package. Codes are never reused.

<!-- Made from src/core/errors.ts by scripts/errors-doc.mjs. -->

${rows.join('\n')}`,
)
