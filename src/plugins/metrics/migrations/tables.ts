import { type Names, quoteLiteral } from '../../../database/names.ts'

/** The series that takes what is over the limit of its kind, and the one of everything. */
export const OTHER = '(other)'

export const tablesOf = (t: Names): readonly string[] => [
  `CREATE TABLE ${t.own('metrics_series')} (
     id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
     used_at timestamptz NOT NULL DEFAULT ${t.fn('now')}(),
     kind text NOT NULL,
     queue text NOT NULL,
     name text NOT NULL,
     UNIQUE (kind, queue, name)
   )`,
  `INSERT INTO ${t.own('metrics_series')} (kind, queue, name)
   VALUES ('all', '', ''), ('queue', '${OTHER}', ''), ('name', '', '${OTHER}'), ('pair', '${OTHER}', '${OTHER}'),
          ('custom', '', '${OTHER}')`,
  `CREATE TABLE ${t.own('metrics_live')} (
     source uuid,
     seq bigint,
     at timestamptz NOT NULL,
     rolled boolean NOT NULL DEFAULT false,
     data jsonb NOT NULL,
     PRIMARY KEY (source, seq)
   ) WITH (fillfactor = 70)`,
  `CREATE INDEX metrics_live_at ON ${t.own('metrics_live')} (at)`,
  // The rows that a roll-up takes: a few, among those of the last 15 minutes.
  `CREATE INDEX metrics_live_new ON ${t.own('metrics_live')} (at) WHERE NOT rolled`,
  // A point of the present day is written again with each roll-up: its new version beside the old one.
  `CREATE TABLE ${t.own('metrics_points')} (
     at timestamptz,
     step int,
     series int,
     counts bigint[] NOT NULL,
     sums float8[] NOT NULL,
     maxima float8[] NOT NULL,
     buckets smallint[] NOT NULL,
     amounts bigint[] NOT NULL,
     PRIMARY KEY (step, series, at)
   ) WITH (fillfactor = 80)`,
  `CREATE TABLE ${t.own('metrics_queue_counts')} (
     queue text PRIMARY KEY,
     ready bigint NOT NULL,
     parked bigint NOT NULL,
     scheduled bigint NOT NULL,
     backoff bigint NOT NULL,
     blocked bigint NOT NULL,
     running bigint NOT NULL,
     is_bounded boolean NOT NULL,
     oldest_at timestamptz,
     deep_at timestamptz
   ) WITH (fillfactor = 50)`,
  `CREATE TABLE ${t.own('metrics_levels')} (
     name text PRIMARY KEY,
     at timestamptz NOT NULL,
     data jsonb NOT NULL
   ) WITH (fillfactor = 50)`,
]

type Comments = Readonly<Record<string, string>>
/** By table: what it is, under the empty name, and what each column means. */
const COMMENTS: Readonly<Record<string, Comments>> = {
  metrics_series: {
    '': 'What metrics_points has points of. Written by metrics_roll_1, at most the option "series" of a kind.',
    id: 'By it points name their series.',
    used_at: 'When something was last added, to the hour.',
    kind: "'all', 'queue', 'name', 'pair' (of a queue and a name), or 'custom' (increment and observe).",
    queue: 'The queue of a queue or a pair, else empty.',
    name: 'The name of jobs, or of a measurement; else empty.',
  },
  metrics_live: {
    '': 'What a process counted in one flush, kept for 15 minutes. Inserted by metrics_add_1.',
    source: 'The worker, or a process without one.',
    seq: 'The number of the flush. With the source it makes a flush that is repeated harmless.',
    at: 'When it was counted, to ten seconds, on the clock of the database.',
    rolled: 'Whether metrics_roll_1 has added it to the points.',
    data: 'An array: kind k, queue q, name n, counts c, sums s, maxima m, buckets b and their amounts a.',
  },
  metrics_points: {
    '': 'Sums of a series over a step of time. Written by metrics_roll_1.',
    at: 'When the step begins; 1970 for the sum since ever.',
    step: 'Its length in seconds: 60, 300, 3600 or 86400; 0 for the sum since ever.',
    series: 'The series.',
    counts:
      'Attempts succeeded, failed, retried, crashed, cancelled, snoozed, released; of a measurement, how many.',
    sums: 'Milliseconds waited, run and of CPU; of a measurement, its sum.',
    maxima: 'The longest of each.',
    buckets:
      'Buckets of the distributions: from 0 wait, from 1000 run, from 2000 CPU, about 5000 measurements.',
    amounts: 'How many values are in each of the buckets.',
  },
  metrics_queue_counts: {
    '': 'Jobs of each queue that wait or run, as last counted by the worker that leads.',
    queue: 'The queue.',
    ready: 'Jobs that could run.',
    parked: 'Jobs whose function no worker of the queue knows.',
    scheduled: 'Jobs whose time has not come.',
    backoff: 'Jobs that wait for another attempt.',
    blocked: 'Jobs that wait for their concurrency group.',
    running: 'Jobs that run.',
    is_bounded: 'Whether one of them was too many for the count every two seconds.',
    oldest_at: 'Since when the first job in the order of the queue could run.',
    deep_at: 'When what is too many was last counted to its end.',
  },
  metrics_levels: {
    '': 'When levels were measured, and those that are of no queue. Written by the worker that leads.',
    name: "'queues' or 'server'.",
    at: 'When, on the clock of the database.',
    data: 'Sizes of tables, dead rows and the oldest transaction, as JSON.',
  },
}

export function commentsOf(t: Names): string {
  const lines = Object.entries(COMMENTS).flatMap(([table, columns]) =>
    Object.entries(columns).map(([column, text]) => {
      const on = column === '' ? `TABLE ${t.own(table)}` : `COLUMN ${t.own(table)}.${column}`
      return `COMMENT ON ${on} IS ${quoteLiteral(text)}`
    }),
  )
  lines.push(`COMMENT ON SEQUENCE ${t.own('metrics_series_id_seq')} IS 'Numbers the series.'`)
  return `DO ${t.body} BEGIN\n${lines.join(';\n')};\nEND ${t.body}`
}
