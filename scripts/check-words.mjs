// Words and names that do not belong into the repository, and the size of a file ("Words, names and
// sizes" in CONTRIBUTING.md).
import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { missingFromLock } from './complete-lock.mjs'
import { report, root } from './source-tree.mjs'

const MAX_LINES = 500
const drawers = /^(utils?|helpers?|common|types|interfaces|lib|misc)\.[cm]?[jt]sx?$/
// Put together here, so that this file does not hold them itself.
const words = [
  [new RegExp(`\\b(TO${''}DO|FIX${''}ME|XX${''}X)\\b`), 'open an issue instead'],
  [/https?:\/\/registry\.|registry\.npmjs/, 'name no registry'],
  [/(?<![\w.])\/(home|root|Users)\/[\w.-]+\//, 'name no path of a machine'],
]
// Names and phrases that do not come back: each thing has one word (docs/architecture/glossary.md), a sentence's
// subject is a part and not a person, and a verb is not made a noun.
const former = [
  [/\b(?:Tenure|LeaseClock|RenewalNews)\b/, 'WorkerLease, LeaseState, RenewalResult'],
  [/\b(?:Lookout|ReadAhead|ReadyLine|HOARD_MS)\b/, 'IdleQueuePoller, Prefetch, LocalQueue'],
  [
    /\b(?:isLong|isTold|isTurnedAway|claimant)\b/,
    'hasBacklog, wakePending, claimSuspended, claimAs',
  ],
  [/\b(?:ClaimWatch|OpenClaims)\b/, 'InFlightClaims, ClaimLedger'],
  [
    /\b(?:LineKeeper|HistoryKeeper|GroupSweeper)\b/,
    'WatermarkUpdater, PartitionMaintainer, GroupReconciler',
  ],
  [/\b(?:Pusher|PushBuffer|OutOfTurn|KeyBusy)\b/, 'PushWriter, PushBatcher, UniqueKeyBusy'],
  [/\b(?:LocalClaims|OfferedClaim|WakeNotices)\b/, 'LocalClaimOffers, ClaimOffer, NotifyThrottle'],
  [/\b(?:Asker|makeParts|QueueRegistry)\b/, 'StatementRunner, assembleWorker, Queues'],
  [/\b(?:tellRoom|notSaved|lastWords)\b/, 'publishCapacity, unsavedFailure, stderrTail'],
  [/\b(?:Roster|Warden|ChildTender|ChildRule)\b/, 'ChildRegistry, LimitEnforcer, ChildSupervisor'],
  [/\b(?:RunningVoice|ChildOrders|ChildHello)\b/, 'AttemptSink, ChildConfig, ChildReady'],
  [/\b(?:ServerWish|tryOut|maxBlocked)\b/, 'ServerRequest, verifyBinaries, maxLoopBlock'],
  [/\b(?:Crew|Surroundings)\b/, 'WorkerFleet, Conditions'],
  [
    /\b(?:line_?[fF]loors|raise_?[fF]loors|make_?[dD]ays|ready_seq|low_seq|amnesty|PushRest)\b/,
    'scan_watermarks, advance_watermarks, create_partitions, position, scan_from, crash_exempt, PushExtras',
  ],
  // Words that are English as well: only where they name a type.
  [
    /\b(?:class|new|interface|type) (?:Adoption|Ground|Hand|Lanes?|Parts|Pushes|Rest|Suspects|Trial|Waits)\b/,
    'the word of the glossary',
  ],
  [
    /['`](?:database\.troubled|lease\.doubted|worker\.lost|job\.lost|notifier\.resumed|history\.kept|jobs\.adopted)['`]/,
    'the event of docs/reference/events.md',
  ],
]
const phrases = [
  [/(?<![`^])\b(?:no|some|every|any)body\b|\bwho(?:m)?ever\b/i, 'name the part'],
  [/\b(?:no one|someone|anyone|everyone)\b/i, 'name the part'],
  [/\b(?:tells? of|told|hears?|heard)\b/i, '"is called with", "is notified of", "receives"'],
  [/\b(?:gives?|gave|given|giving) (?:(?:it|them|one) )?back\b/i, '"returns"'],
  [/\b(?:a|one|another|each|every|next|last) looks?\b(?! like)/i, '"a scan", "a poll", "a query"'],
  [/\bwhat (?:it|they) came to\b/i, '"the result"'],
  [/\b(?:for good|all the same)\b/i, '"forever", "still"'],
  [/\bat once\b/i, '"immediately" or "concurrently"'],
  [/\b(?:goes|go|went|going) on\b/i, '"continues"'],
  [/\bheed/i, '"honour"'],
  [
    /\b(?:so many|but for|of before|for want of|in vain|anew|seldom|let go|lets go)\b/i,
    'plain English',
  ],
  [/\bdear(?:er|est|ly)?\b/i, '"expensive"'],
  [/\b(?:mend|heal)(?:s|ed|ing)?\b/i, '"repairs"'],
  [/\bretr(?:y|ied|ies) by hand\b/i, '"manual retry"'],
]
const isText = /\.([cm]?[jt]sx?|json|md|sql|ya?ml|html|css|svg|txt)$|(^|\/)(run|LICENSE|\.\w+)$/

const isProse = /\.([cm]?[jt]s|md|sql)$/
// What is made of the engine's SQL, which is read itself, and this file.
const exempt = /^(?:src\/database\/sql\.generated\.ts|scripts\/check-words\.mjs)$/
// The user of Unix systems.
const username = "const UNPRIVILEGED_NAME = 'nobody'"

const listed = execFileSync('git', ['ls-files', '-co', '--exclude-standard'], { cwd: root })
const files = String(listed)
  .trim()
  .split('\n')
  .filter((file) => existsSync(join(root, file)))
const see = '(CONTRIBUTING.md, "Words, names and sizes")'
report(
  [...files.flatMap(problems), ...lockProblems()].map((it) => `${it} ${see}`),
  `${files.length} files are in order`,
)

function problems(file) {
  const found = drawers.test(basename(file)) ? [`${file}: name it for what it holds`] : []
  if (!isText.test(file) || file === 'package-lock.json') return found
  const lines = readFileSync(join(root, file), 'utf8').split('\n')
  if (file.startsWith('src/') && lines.length > MAX_LINES) {
    found.push(`${file} has ${lines.length} lines: ${MAX_LINES} at most`)
  }
  const rules = isProse.test(file) && !exempt.test(file) ? [words, former, phrases].flat() : words
  lines.forEach((line, index) => {
    if (line === username) return
    for (const [word, advice] of rules) {
      if (word.test(line))
        found.push(`${file}:${index + 1} says "${word.exec(line)[0]}": ${advice}`)
    }
  })
  return found
}

function lockProblems() {
  const text = readFileSync(join(root, 'package-lock.json'), 'utf8')
  const found = missingFromLock(JSON.parse(text)).map(
    ({ name }) => `package-lock.json lacks ${name}: run node scripts/complete-lock.mjs`,
  )
  if (/"resolved": "http/.test(text)) found.push('package-lock.json holds addresses: see .npmrc')
  const { packages } = JSON.parse(text)
  const { allowScripts } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
  for (const [path, one] of Object.entries(packages)) {
    const name = path.slice(path.lastIndexOf('node_modules/') + 'node_modules/'.length)
    // Without it only what complete-lock.mjs adds: a binary of a tool, for another platform.
    const isForeign = one.dev && one.optional && one.os && one.cpu
    if (path !== '' && !one.integrity && !isForeign)
      found.push(`package-lock.json has no integrity of ${name}: remove it and run npm install`)
    if (one.hasInstallScript && allowScripts[name] === undefined)
      found.push(`package.json does not say in "allowScripts" whether ${name} may run a script`)
  }
  return found
}
