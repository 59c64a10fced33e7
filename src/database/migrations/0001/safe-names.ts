/**
 * A setting of every function. Without it PostgreSQL looks for functions and operators in the schemas
 * of the caller's search path too, and calls one of another user there whose argument types fit better.
 */
export const SAFE_NAMES = 'SET search_path = pg_catalog, pg_temp'
