-- part.read_text(value): the JSON text of a column, for a reader that must not be harmed by what it holds: null
-- for null, and the empty text, which is no JSON, for what is larger than four times what a push takes.
-- A value that takes at most 2,000 bytes where it is stored, uncompressed, is cast as it is; it has a longer
-- text only when it holds numbers of thousands of digits, and is cut there.
CASE WHEN value IS NULL THEN NULL
     WHEN pg_column_size(value) <= 2000 AND pg_column_compression(value) IS NULL
     THEN value::text::varchar(65536)::text
     ELSE chancy.text_1(value, 4194304, 8388608) END
