import type { Names } from '../../../database/names.ts'

/** The tables of the first version, with what each column means. */
export const tables = (t: Names): readonly string[] => [
  `
  CREATE TABLE ${t.own('cron_schedules')} (
    key text PRIMARY KEY,
    owner text,
    version bigint NOT NULL DEFAULT 1,
    state text NOT NULL CHECK (state IN ('active', 'paused', 'ended', 'broken')),
    timing jsonb NOT NULL,
    policy jsonb NOT NULL,
    job jsonb NOT NULL,
    created_at timestamptz NOT NULL,
    next_at timestamptz,
    due_at timestamptz,
    passed_at timestamptz,
    last_at timestamptz,
    last_job uuid,
    missed bigint NOT NULL DEFAULT 0,
    error text,
    resume_at timestamptz,
    pause_reason text,
    to_replace uuid,
    to_cancel uuid[] NOT NULL DEFAULT '{}'
  )`,
  `CREATE INDEX cron_schedules_due ON ${t.own('cron_schedules')} (due_at, key) WHERE due_at IS NOT NULL`,
  `CREATE INDEX cron_schedules_owner ON ${t.own('cron_schedules')} (owner, key) WHERE owner IS NOT NULL`,
  `CREATE INDEX cron_schedules_to_cancel ON ${t.own('cron_schedules')} (key) WHERE to_cancel <> '{}'`,
  `
  CREATE TABLE ${t.own('cron_ticks')} (
    key text NOT NULL,
    at timestamptz NOT NULL,
    what text NOT NULL CHECK (what IN ('fired', 'skipped', 'missed')),
    recorded_at timestamptz NOT NULL,
    job uuid,
    holder uuid,
    count int NOT NULL DEFAULT 1,
    from_at timestamptz,
    PRIMARY KEY (key, at)
  )`,
  `CREATE INDEX cron_ticks_recorded ON ${t.own('cron_ticks')} (recorded_at)`,
  ...comments(t),
]

function comments(t: Names): string[] {
  const of = (
    table: string,
    about: string,
    columns: Readonly<Record<string, string>>,
  ): string[] => [
    `COMMENT ON TABLE ${t.own(table)} IS '${about}'`,
    ...Object.entries(columns).map(
      ([name, text]) => `COMMENT ON COLUMN ${t.own(table)}.${name} IS '${text}'`,
    ),
  ]
  return [
    ...of('cron_schedules', 'A row for each schedule. Written by the cron plugin alone.', {
      key: 'The name of the schedule.',
      owner: 'The set of the application that declared it in code; null for one of schedule().',
      version:
        'Rises with every write. A write is refused where the row was written since it was read.',
      state: 'A paused one whose resume_at has come counts as active.',
      timing: 'Expression and zone, or interval, with the first and the last instant.',
      policy: 'What becomes of late ticks, of overlaps, and the jitter.',
      job: 'As encode() of the plugin contract made it; the firing adds tick and overlap.',
      created_at: 'When the key was declared first. Intervals count from there.',
      next_at: 'The tick that is fired next. A broken schedule keeps the one that broke it.',
      due_at: 'When it is fired: next_at with its jitter. Null: no tick is fired.',
      passed_at:
        'The newest tick that was fired, skipped or missed. No earlier one is fired any more.',
      last_at: 'The newest tick that was fired or skipped.',
      last_job: 'The job of the newest tick that was fired.',
      missed: 'How many ticks were missed since the first declaration.',
      error: 'Why it is broken.',
      resume_at: 'When a pause ends by itself.',
      pause_reason: 'What the pause was given as its reason.',
      to_replace: 'With the overlap policy replace: the job that the next one replaces.',
      to_cancel: 'Jobs that were replaced, and are still to be cancelled.',
    }),
    ...of('cron_ticks', 'What became of each tick. The key makes sure that none is fired twice.', {
      key: 'The schedule, which may be gone.',
      at: 'The tick; of missed ones, the newest.',
      what: 'Fired: its job was pushed. Skipped: another job holds the unique key. Missed: it was too late.',
      recorded_at:
        'When that was written. Rows are kept for 7 days, the newest of a schedule longer.',
      job: 'The job that was pushed.',
      holder: 'Of a skipped tick: the job that holds the unique key.',
      count: 'How many ticks were missed, counted to 1,000.',
      from_at: 'Of missed ticks: the oldest.',
    }),
  ]
}
