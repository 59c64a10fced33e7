import { parseArgs } from 'node:util'
import { type Row, rows } from './rows.ts'
import { type System, systems } from './systems.ts'

export const usage = `npm run bench -- [options]

  --only chancy,pg-boss,…   these systems: ${systems.map(({ name }) => name).join(', ')}
  --rows push-10,drain,…    these rows: ${rows.map(({ name }) => name).join(', ')}
                            (the begin of a name takes all that begin so)
  --rounds 5                rounds; in each one every system does every row once
  --jobs 100000             jobs of a drain and a bulk push, and of the memory row if not more
  --seconds 3               how long single pushes are repeated
  --samples 300             pushes that a latency is taken of
  --load N                  jobs/s beside the probes of the rows with load, the same for all systems;
                            without it, half of what each sustains
  --limit 300               seconds that a drain may take
  --same-node               every system on the Node of bench/peers
  --quick                   1 round, 5,000 jobs, 1 s, 50 samples: whether it works, not how fast

DATABASE_URL names a server (its schemas bench_chancy, bench_pgboss, bench_graphile and bench_bullmq
are dropped and made); without it an embedded one is started.`

export interface Options {
  readonly systems: readonly System[]
  readonly rows: readonly Row[]
  readonly rounds: number
  readonly jobs: number
  readonly seconds: number
  readonly samples: number
  readonly load?: number
  readonly limitSeconds: number
  readonly sameNode: boolean
  readonly isHelp: boolean
}

export function optionsOf(args: string[]): Options {
  const { values } = parseArgs({
    args,
    options: {
      only: { type: 'string' },
      rows: { type: 'string' },
      rounds: { type: 'string' },
      jobs: { type: 'string' },
      seconds: { type: 'string' },
      samples: { type: 'string' },
      load: { type: 'string' },
      limit: { type: 'string', default: '300' },
      'same-node': { type: 'boolean', default: false },
      quick: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  })
  const { quick } = values
  return {
    systems: chosen('only', systems, values.only, (name, asked) => name === asked),
    rows: chosen('rows', rows, values.rows, (name, asked) => name.startsWith(asked)),
    rounds: whole('rounds', values.rounds ?? (quick ? '1' : '5')),
    jobs: whole('jobs', values.jobs ?? (quick ? '5000' : '100000')),
    seconds: whole('seconds', values.seconds ?? (quick ? '1' : '3')),
    samples: whole('samples', values.samples ?? (quick ? '50' : '300')),
    ...(values.load !== undefined && { load: whole('load', values.load) }),
    limitSeconds: whole('limit', values.limit),
    sameNode: values['same-node'],
    isHelp: values.help,
  }
}

/** Exact names win over beginnings: `drain` is one row, `latency` eight. */
function chosen<T extends { readonly name: string }>(
  option: string,
  all: readonly T[],
  asked: string | undefined,
  fits: (name: string, asked: string) => boolean,
): readonly T[] {
  if (asked === undefined) return all
  const wanted = new Set<T>()
  for (const one of asked.split(',')) {
    const exact = all.filter(({ name }) => name === one)
    const found = exact.length > 0 ? exact : all.filter(({ name }) => fits(name, one))
    if (found.length === 0) {
      throw new Error(
        `--${option} has no "${one}", only ${all.map(({ name }) => name).join(', ')}.`,
      )
    }
    for (const it of found) wanted.add(it)
  }
  return all.filter((it) => wanted.has(it))
}

function whole(option: string, text: string): number {
  const number = Number(text)
  if (Number.isInteger(number) && number > 0) return number
  throw new Error(`--${option} takes a whole number above 0, got "${text}".`)
}
