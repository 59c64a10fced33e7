-- Unique keys beyond the index of jobs: see push_taken.

CREATE TABLE chancy.key_throttles (
  key text COLLATE "C" PRIMARY KEY,
  job_id uuid NOT NULL,
  until timestamptz NOT NULL
);
CREATE INDEX key_throttles_until ON chancy.key_throttles (until);

CREATE TABLE chancy.key_replacements (
  push_id uuid PRIMARY KEY,
  job_id uuid NOT NULL,
  until timestamptz NOT NULL
);
CREATE INDEX key_replacements_until ON chancy.key_replacements (until);
