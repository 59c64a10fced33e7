/**
 * Changes of the engine's SQL of workflows, each of which takes one guard away: a lock, a "tell the owner", a
 * condition. A trial must find every one of them.
 */
export interface FlowMutant {
  readonly name: string
  readonly of: string
  readonly from: RegExp
  readonly to: string
  /** Found by a trial of batches. */
  readonly isOfBatch?: boolean
}

export const FLOW_MUTANTS: readonly FlowMutant[] = [
  {
    name: 'a flow that waits takes no lock',
    of: 'flow_1',
    from: /FOR NO KEY UPDATE\) l;/,
    to: ') l;',
  },
  {
    name: 'a finish takes no lock',
    of: 'flow_1',
    from: /FOR NO KEY UPDATE SKIP LOCKED\) l;/,
    to: ') l;',
  },
  {
    name: 'a finish waits for the lock',
    of: 'finish_2',
    from: /flow_1\(end_owners, false,/,
    to: 'flow_1(end_owners, true,',
  },
  {
    name: 'a finish tells no owner',
    of: 'finish_2',
    from: /FROM "?\w+"?\.flow_1\(end_owners, false, end_owners/,
    to: `FROM "SCHEMA".flow_1('{}'::uuid[], false, '{}'::uuid[]`,
  },
  {
    name: 'ends of a workflow that another holds are lost',
    of: 'flow_1',
    from: /WHERE e\.owner_id <> ALL \(coalesce\(held, '\{\}'\)\)/,
    to: 'WHERE false',
  },
  {
    name: 'a recovery tells no owner',
    of: 'recover_1',
    from: /IF end_owners IS NOT NULL THEN/,
    to: 'IF false THEN',
  },
  {
    name: 'a cancel tells no owner',
    of: 'cancel_1',
    from: /IF flow IS NOT NULL THEN/,
    to: 'IF false THEN',
  },
  {
    name: 'an end counts as often as it comes',
    of: 'flow_held_1',
    from: /AND s\.state IN \('waiting', 'open'\)/,
    to: '',
  },
  {
    name: 'what one transaction does not count is lost',
    of: 'flow_held_1',
    from: /WHERE g\.r > room/,
    to: 'WHERE false',
  },
  {
    name: 'items that one transaction does not make are lost',
    of: 'flow_held_1',
    from: /FROM unnest\(more\) m;\s+again :=/,
    to: 'FROM unnest(more) m WHERE false; again :=',
  },
  {
    name: 'the sweep finds no ends',
    of: 'sweep_flows_1',
    from: /owners := owners \|\| ARRAY/,
    to: 'owners := ARRAY',
  },
  {
    name: 'the sweep finds no workflow that is being stopped',
    of: 'sweep_flows_1',
    from: /WHERE w\.stopping IS NOT NULL AND w\.finished_at IS NULL/,
    to: 'WHERE false',
  },
  {
    name: 'the first dependency decides',
    of: 'flow_held_1',
    from: /WHEN d\.pending = c\.ended THEN 'run'/,
    to: "WHEN true THEN 'run'",
  },
  {
    name: 'a skipped step is not counted',
    of: 'flow_held_1',
    from: /skipped = d\.skipped \+ o\.skipped/,
    to: 'skipped = d.skipped',
  },
  {
    name: 'the last step does not end the workflow',
    of: 'flow_held_1',
    from: /JOIN \S+workflows"? w ON w\.id = c\.owner_id/,
    to: 'JOIN "SCHEMA".workflows w ON w.id = c.owner_id AND w.open > c.closed',
  },
  {
    name: 'a cancel of a step locks the job before its workflow',
    of: 'cancel_1',
    from: /\(j\.owner_id IS NULL OR is_held\)/,
    to: 'true',
  },
  {
    name: 'a finish tells no batch',
    of: 'finish_2',
    from: /WHERE p\.owner_step IS NULL/,
    to: 'WHERE false',
    isOfBatch: true,
  },
  {
    name: 'failed jobs of a batch are not counted',
    of: 'count_batch_1',
    from: /bad = w\.bad \+ s\.failed/,
    to: 'bad = w.bad',
    isOfBatch: true,
  },
  {
    name: 'a batch ends with its first end',
    of: 'count_batch_1',
    from: /AND w\.open = 0 AND/,
    to: 'AND w.open >= 0 AND',
    isOfBatch: true,
  },
]
