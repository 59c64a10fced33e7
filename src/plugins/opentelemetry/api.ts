import { createRequire } from 'node:module'
import { ConfigError } from '../../core/errors.ts'

export type Api = typeof import('@opentelemetry/api')

const PACKAGE = '@opentelemetry/api'

/**
 * The package of the application, which is no dependency of this one. All copies of it share what an SDK
 * registers.
 *
 * @throws {ConfigError} when it is not installed
 */
export function loadApi(): Api {
  try {
    return createRequire(import.meta.url)(PACKAGE) as Api
  } catch (cause) {
    throw new ConfigError(
      `openTelemetry() needs the package "${PACKAGE}", which could not be loaded. Run "npm install ${PACKAGE}".`,
      { cause },
    )
  }
}
