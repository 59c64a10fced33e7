// Everything in a schema, from PostgreSQL's own catalogue, as text that is the same for the same
// schema wherever and whenever it was made. Not SQL to be run, but to be read and compared.

/** Partitions of a span of time are made as time goes by, and are not part of the schema. */
const isDated = (name) => /_p?\d{4,}/.test(name)

const relations = `
  SELECT c.oid, c.relname AS name, c.relkind AS kind, c.relpersistence = 'u' AS unlogged,
         c.reloptions AS options, pg_get_partkeydef(c.oid) AS partitioning,
         pg_get_expr(c.relpartbound, c.oid) AS bound, parent.relname AS parent,
         obj_description(c.oid, 'pg_class') AS comment,
         CASE WHEN c.relkind IN ('v', 'm') THEN pg_get_viewdef(c.oid) END AS definition
    FROM pg_class c
    LEFT JOIN pg_inherits i ON i.inhrelid = c.oid AND c.relkind <> 'i'
    LEFT JOIN pg_class parent ON parent.oid = i.inhparent
   WHERE c.relnamespace = $1::regnamespace AND c.relkind IN ('r', 'p', 'v', 'm', 'S')
   ORDER BY c.relname COLLATE "C"`

const columns = `
  SELECT a.attname AS name, format_type(a.atttypid, a.atttypmod) AS type, a.attnotnull AS "notNull",
         a.attidentity AS identity, a.attgenerated AS generated, a.attstorage AS storage,
         t.typstorage AS usual, a.attcompression AS compression, a.attstattarget AS statistics,
         pg_get_expr(d.adbin, d.adrelid) AS fallback, col_description(a.attrelid, a.attnum) AS comment
    FROM pg_attribute a
    JOIN pg_type t ON t.oid = a.atttypid
    LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
   WHERE a.attrelid = $1 AND a.attnum > 0 AND NOT a.attisdropped
   ORDER BY a.attnum`

const constraints = `
  SELECT conname AS name, pg_get_constraintdef(oid) AS definition FROM pg_constraint
   WHERE conrelid = $1 AND contype <> 'n' ORDER BY conname COLLATE "C"`

const indexes = `
  SELECT pg_get_indexdef(indexrelid) AS definition FROM pg_index
    JOIN pg_class c ON c.oid = indexrelid
   WHERE indrelid = $1 ORDER BY c.relname COLLATE "C"`

const triggers = `
  SELECT pg_get_triggerdef(oid) AS definition FROM pg_trigger
   WHERE tgrelid = $1 AND NOT tgisinternal ORDER BY tgname COLLATE "C"`

const sequences = `
  SELECT obj_description(seqrelid, 'pg_class') AS comment, format_type(seqtypid, NULL) AS type, seqstart AS start, seqincrement AS step,
         seqcache AS cache, seqcycle AS cycles FROM pg_sequence WHERE seqrelid = $1`

const functions = `
  SELECT pg_get_functiondef(oid) AS definition, obj_description(oid, 'pg_proc') AS comment
    FROM pg_proc WHERE pronamespace = $1::regnamespace AND prokind IN ('f', 'p')
   ORDER BY proname COLLATE "C", pg_get_function_identity_arguments(oid) COLLATE "C"`

const types = `
  SELECT t.typname AS name, format_type(t.typbasetype, t.typtypmod) AS base, t.typtype AS kind,
         (SELECT string_agg(quote_literal(enumlabel), ', ' ORDER BY enumsortorder)
            FROM pg_enum WHERE enumtypid = t.oid) AS labels,
         (SELECT string_agg(pg_get_constraintdef(k.oid), ' ' ORDER BY k.conname)
            FROM pg_constraint k WHERE k.contypid = t.oid) AS checks,
         obj_description(t.oid, 'pg_type') AS comment
    FROM pg_type t
    LEFT JOIN pg_class c ON c.oid = t.typrelid
   WHERE t.typnamespace = $1::regnamespace
     AND (t.typtype IN ('e', 'd') OR (t.typtype = 'c' AND c.relkind = 'c'))
   ORDER BY t.typname COLLATE "C"`

export async function dumpSchema(client, schema) {
  const all = async (text, value) => (await client.query(text, [value])).rows
  // Qualified names whatever the search path of the role.
  await client.query("SET search_path TO 'pg_catalog'")
  const parts = (await all(types, schema)).map(typeText)
  for (const relation of await all(relations, schema)) {
    if (relation.parent !== null && isDated(relation.name)) continue
    parts.push(await relationText(relation, all))
  }
  for (const { definition, comment } of await all(functions, schema)) {
    parts.push(`${definition.trimEnd()};${remark(comment)}`)
  }
  const text = parts.join('\n\n').replaceAll(schema, 'chancy')
  return `-- The schema "chancy" after all migrations, made by scripts/dump-schema.mjs.\n\n${text}\n`
}

function typeText({ name, kind, labels, base, checks, comment }) {
  if (kind === 'e') return `TYPE ${name} AS ENUM (${labels});`
  return kind === 'd'
    ? `DOMAIN ${name} AS ${base} ${checks ?? ''};${remark(comment)}`
    : `TYPE ${name};`
}

async function relationText(relation, all) {
  const { oid, name, kind, definition, comment } = relation
  if (kind === 'S') return sequenceText(name, (await all(sequences, oid))[0])
  if (definition !== null) return `VIEW ${name} AS\n${definition}${remark(comment)}`
  const body = [
    ...(await all(columns, oid)).map(columnText),
    ...(await all(constraints, oid)).map((one) => `CONSTRAINT ${one.name} ${one.definition}`),
  ].map((line) => `  ${line}`)
  const after = [
    ...(await all(indexes, oid)).map((one) => `${one.definition};`),
    ...(await all(triggers, oid)).map((one) => `${one.definition};`),
  ]
  const table = `${relation.unlogged ? 'UNLOGGED ' : ''}TABLE ${name} (\n${body.join('\n')}\n)`
  return [`${table}${tail(relation)};${remark(comment)}`, ...after].join('\n')
}

function tail({ partitioning, parent, bound, options }) {
  const part = parent === null ? '' : ` PARTITION OF ${parent} ${bound ?? ''}`
  return `${part}${partitioning === null ? '' : ` PARTITION BY ${partitioning}`}${withOptions(options)}`
}

function columnText(column) {
  const { name, type, notNull, fallback, identity, generated, comment } = column
  const words = [name, type]
  if (notNull) words.push('NOT NULL')
  if (generated !== '') words.push(`GENERATED ALWAYS AS (${fallback}) ${generated}`)
  else if (fallback !== null) words.push(`DEFAULT ${fallback}`)
  if (identity !== '')
    words.push(`GENERATED ${identity === 'a' ? 'ALWAYS' : 'BY DEFAULT'} AS IDENTITY`)
  if (column.storage !== column.usual) words.push(`STORAGE ${column.storage}`)
  if (column.compression !== '') words.push(`COMPRESSION ${column.compression}`)
  if ((column.statistics ?? -1) >= 0) words.push(`STATISTICS ${column.statistics}`)
  return `${words.join(' ')}${remark(comment)}`
}

const sequenceText = (name, { type, start, step, cache, cycles, comment }) =>
  `SEQUENCE ${name} AS ${type} START ${start} INCREMENT ${step} CACHE ${cache}${cycles ? ' CYCLE' : ''};${remark(comment)}`

const withOptions = (options) =>
  options === null ? '' : ` WITH (${[...options].sort().join(', ')})`
const remark = (comment) => (comment === null ? '' : ` -- ${comment.replaceAll('\n', ' ')}`)
