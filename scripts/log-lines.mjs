/** Fields that a line takes over from its event, by the beginning of its message: the calls do not name them. */
export const OF_EVENTS = {
  'worker started': ['workerId', 'children', 'paused'],
  'worker paused': ['workerId'],
  'worker resumed': ['workerId'],
  'queue started': ['queue', 'workerId', 'executor', 'slots'],
  'queue stopped': ['queue', 'workerId'],
  'outcome rejected': ['name', 'fence'],
  'plugin hook failed': ['repeated'],
}

/** When each line of the log is written, by the beginning of its message. */
export const WHEN = {
  'a listener failed': 'A function given to `chancy.on` threw.',
  'queue is declared with other settings, kept as they are':
    '`declare` met a stored queue with other settings.',
  'chancy dev runs a worker': '`chancy dev` has started its worker.',
  'health endpoints served': '`worker start --health-port` listens.',
  'http request failed':
    'A fault of the server; the answer had the code `INTERNAL`, no detail and this request id.',
  'a child takes most of the memory limit of a job before it begins':
    'Once for each child that is so large.',
  'in a child, ': 'A module of jobs takes long to load in a child.',
  'a child does not begin what it is sent and is replaced':
    'Its event loop is blocked between jobs.',
  'plugin hook failed':
    'At most once a minute for each plugin and hook; `repeated` is how many were left out.',
  'declared schedules applied': 'The schedules of the code differed from their rows.',
  'schedule cannot be fired and is broken': 'Once for each schedule whose row cannot be read.',
  'replaced jobs of schedules were not cancelled': 'Tried again with the next ticks.',
  'a replaced job of a schedule was not cancelled': 'It runs beside the job that replaced it.',
  'schedules are not fired, the database cannot be reached': 'With each try.',
  'ticks of schedules were missed': 'No worker could fire them in their time.',
  'leadership gained': 'This worker leads: the loops of the leader run in it.',
  'leadership lost': 'This worker no longer leads, at its stop as well.',
  'leader election failed': 'With each try; at `debug` while the database cannot be reached.',
  'leadership was not released and ends with its lease': 'At the stop of the leader.',
  'metrics not written, and written again later': 'With each try.',
  'metrics given up': 'What was sent may be stored, so it is not sent again.',
  'history of a day was not pruned': 'Tried again with the next pass.',
  'history pruned': 'A pass has removed finished jobs.',
  'waiting jobs were read in part': 'A pass of `reprioritize` took too long.',
  'job pushed with higher limits than its definition has here': 'Once for each name.',
  'a backoff function failed': 'The default backoff is used instead.',
  'attempt outcome was not recorded':
    'PostgreSQL refused to save outcomes: at most once a minute for each reason.',
  'an attempt was not settled': 'A fault of Chancy: please report it.',
  'a job was pushed by its name, without what its definition says': 'Once for each name.',
  'a queue cannot be run by this worker': 'Its declaration needs what this worker does not have.',
  'queue declared with the defaults': 'A job names the queue, and it was not declared.',
  'queue has tags that are not allowed': 'Once for each change of the queue.',
  '… start again': 'Child processes, or threads, start again.',
  '… cannot start': 'Child processes, or threads, cannot start: the queue is not served meanwhile.',
  'event loop blocked too long, lease released':
    'The loop was blocked for longer than `maxLoopBlock`.',
  'lease lost, running jobs aborted':
    'Another worker revoked the lease: this one continues as `newId`.',
  'no new lease was acquired': 'After a lost lease.',
  'lease at risk, claiming suspended': 'Once, until the lease is restored.',
  'lease restored, claiming resumed': 'A renewal succeeded after that.',
  'heartbeat runs in the loop': 'At the start, where no thread can renew the lease.',
  'the heartbeat failed': 'A renewal failed by a fault of Chancy: please report it.',
  'the heartbeat thread cannot start': 'The system is out of threads; tried again.',
  'the heartbeat thread failed': 'It is started again.',
  'heartbeat connection restored': 'The thread renews the lease by its own connection again.',
  'heartbeat has no connection of its own': 'Once, until the connection is restored.',
  'the row of this worker stays until its lease has expired':
    'At the stop, when the database cannot be reached.',
  'partition of the history was not dropped': 'Tried again with the next pass.',
  'index of a finished day was not made':
    'A transaction has been open for ten minutes, or the day was dropped; tried again with the next pass.',
  'finished days get no index for searches: the driver has too few sessions':
    'Once. Searches read whole days then; a driver with three sessions or more makes them.',
  'database clock stepped': 'The clock of the database was set forward or back.',
  'plugin loop failed':
    'At `debug` for further failures in a row, and while the database cannot be reached.',
  'PostgreSQL is behind a transaction pooler': 'At the start, as the option `pooler` says.',
  'PostgreSQL is behind a pooler in transaction mode': 'At the start, when one was found.',
  'PostgreSQL is behind a pooler, such as PgBouncer. If': 'At the start, when it may be one.',
  'worker runs as root': 'At the start.',
  'failures not written, and written again later':
    'The database could not be reached, or refused the figures.',
  'failures given up: whether they were written is not known':
    'An answer of the database was lost: the figures of failure groups may be too small.',
  'outcomes not saved before the end': 'At the stop: these jobs run again.',
  'more jobs failed, with no line for each': 'A minute had more than 50 lines for this name.',
  'more jobs were cancelled or taken over, with no line for each':
    'A minute had more than 50 lines for this name.',
  'worker started': 'It claims. `children` is how many the pools have at most.',
  'worker paused': '`pause()` was called.',
  'worker resumed': '`resume()` was called.',
  'worker stopping': 'It claims nothing more, and waits for `running` jobs.',
  'worker stopped': 'Nothing of it runs.',
  'queue started': 'The worker runs a further queue.',
  'queue stopped': 'A queue was deleted, or is no longer for this worker.',
  'outcome rejected': 'Another attempt owns the job: nothing was saved.',
  'jobs reclaimed': 'Claims were committed and their answers lost: the jobs run now.',
  'notifications lost, polling instead': 'The connection that listens was lost.',
  'notifications resumed': 'It listens again.',
  'jobs recovered from workers that are gone': 'A pass of recovery; at most 20 ids of `jobs`.',
  'attempt failed, job retried': 'Each attempt that another one follows.',
  'job failed': 'Its state is `failed`: no attempt follows.',
  'job cancelled': 'While it ran.',
  'connection to the database lost, trying again': 'Once, until it is restored.',
  'connection to the database restored': 'After `awayMs`.',
  'database refused a statement': 'At most once a minute for each statement and `sqlState`.',
  'jobs wait: their queue is not declared':
    'Once a minute for each queue, by the worker that has lived longest.',
  'jobs wait: no worker of their queue knows the function':
    'Once a minute for each name, by the worker that has lived longest.',
}
