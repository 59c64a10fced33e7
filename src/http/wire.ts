/**
 * The JSON of the HTTP API: of every route of `/api/v1`, its answer and its body. Times are text in ISO 8601, in UTC,
 * with milliseconds; durations are numbers in `…Ms`, sizes in `…Bytes`; what is absent is null and never left out.
 *
 * | route                                       | answer                                                  |
 * | ------------------------------------------- | ------------------------------------------------------- |
 * | `GET /session`                              | `WireSession`                                           |
 * | `GET /jobs`                                 | `WirePage<WireJobRow>`                                  |
 * | `GET /jobs/count`, `/jobs/suggest`          | `WireJobCount`, `WireSuggestions`                       |
 * | `GET /jobs/:id`                             | `WireJob`                                               |
 * | `GET /jobs/:id/args`, `result`, `meta`, …   | the JSON as PostgreSQL has it                           |
 * | `GET /jobs/:id/explain`                     | `WireExplanation`                                       |
 * | `GET /jobs/:id/wait`                        | `WireJob`, with 202 where it has not come               |
 * | `POST /jobs`, `/jobs/batch`                 | `WirePush` → `WirePushed`, lines of it → `WirePushedBatch` |
 * | `POST /jobs/:id/cancel`, `retry`, `run-now` | `WireJobVerdict`                                        |
 * | `PATCH`, `DELETE /jobs/:id`                 | `WireJobVerdict`                                        |
 * | `GET /queues`, `/queues/:name`              | `WireQueueList`, `WireQueue`                            |
 * | `PUT`, `PATCH /queues/:name`                | `WireQueueOptions` → `WireQueue`                        |
 * | `DELETE /queues/:name`                      | 204                                                     |
 * | `POST /queues/:name/pause`, `resume`        | `WirePause` → `WireQueue`                               |
 * | `GET /queues/:name/explain`                 | `WireQueueExplanation`                                  |
 * | `GET /failures`, `/failures/:fingerprint`   | `WirePage<WireFailure>`, `WireFailureDetail`            |
 * | `POST /failures/:fingerprint/mute`, …       | `WireFailureDetail`                                     |
 * | `GET /workflows`, `/workflows/:id`          | `WirePage<WireWorkflowRow>`, `WireWorkflow`             |
 * | `GET /workflows/:id/explain`                | `WireExplanation`                                       |
 * | `POST /workflows/:id/cancel`, `retry`       | `WireWorkflowVerdict`                                   |
 * | `GET /schedules`, `/schedules/:key`         | `WirePage<WireSchedule>`, `WireScheduleDetail`          |
 * | `GET /schedules/:key/preview`               | `WirePreview`                                           |
 * | `PUT`, `POST /schedules/:key/…`             | `WireSchedule`; `run-now`: `WireScheduleRun`            |
 * | `GET /workers`, `/workers/:id`              | `WireWorkerList`, `WireWorker`                          |
 * | `GET /groups`, `/groups/:key`               | `WirePage<WireGroup>`, `WireGroup`                      |
 * | `GET /metrics/series`                       | `WireSeriesList`                                        |
 * | `POST /bulk/preview`, `/bulk`               | `WireBulkRequest` → `WireBulkPreview`, `WireBulk`       |
 * | `GET /bulk`, `/bulk/:id`, `POST …`          | `WirePage<WireBulk>`, `WireBulk`                        |
 * | `GET /audit`                                | `WirePage<WireAuditEntry>`                              |
 * | `GET /events?topics=…`                      | `WireTopic` each message; `once=1`: `{ items }` of them |
 * | any failure                                 | `WireProblem`                                           |
 */
export type { WireActor, WireAuditEntry } from './shapes/audit.ts'
export type { WireBulk, WireBulkPreview, WireBulkRequest } from './shapes/bulk.ts'
export type { WireExplanation, WireQueueExplanation, WireWaitReason } from './shapes/explanation.ts'
export type { WireFailure, WireFailureDetail } from './shapes/failure.ts'
export type { WireGroup } from './shapes/group.ts'
export type { WireHealth } from './shapes/health.ts'
export type {
  WireAttemptError,
  WireJob,
  WireJobCount,
  WireJobRow,
  WireJobVerdict,
  WireSuggestions,
  WireUsage,
} from './shapes/job.ts'
export type { WireMetricsPoint, WireSeriesList, WireSpread } from './shapes/metrics.ts'
export type { WireFinding, WireOverview } from './shapes/overview.ts'
export type { WireCount, WireCut, WirePage } from './shapes/page.ts'
export type { WirePush, WirePushed, WirePushedBatch } from './shapes/push.ts'
export type { WirePause, WireQueue, WireQueueList, WireQueueOptions } from './shapes/queue.ts'
export type {
  WirePreview,
  WireSchedule,
  WireScheduleDetail,
  WireScheduleRun,
} from './shapes/schedule.ts'
export type { WireProblem, WireSession } from './shapes/session.ts'
export type { WireTopic, WireTopics } from './shapes/topic.ts'
export type { WireWorker, WireWorkerList } from './shapes/worker.ts'
export type {
  WireStep,
  WireWorkflow,
  WireWorkflowRow,
  WireWorkflowVerdict,
} from './shapes/workflow.ts'
