/**
 * The built package, by its path: the folder `bench` has dependencies of its own, so the name
 * `chancy` may mean another copy here. Without the built files there is nothing to measure: the
 * children and the heartbeat's thread load nothing else.
 */

export { embeddedPostgres } from '../../dist/database/drivers/embedded-postgres.js'
export { Chancy, type Driver, job, pgDriver, Queue, Worker } from '../../dist/index.js'
