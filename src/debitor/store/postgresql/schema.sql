-- What every store has besides the tables of records. Each statement may run again.

CREATE TABLE IF NOT EXISTS debitor_store (
  one bigint PRIMARY KEY CHECK (one = 1),
  schema_version bigint NOT NULL,
  fingerprint text NOT NULL
);
-- Declared indexes and triggers, as they were last made.
CREATE TABLE IF NOT EXISTS debitor_made (
  name text PRIMARY KEY,
  statement text NOT NULL
);
-- One row for each company, and one (0) for the records of the whole store. Who writes in a company holds the lock of
-- its row. version: the last that was given; kept_version: that of the last change of a kept record; writer: the mark
-- of the last transaction.
CREATE TABLE IF NOT EXISTS debitor_clock (
  company bigint PRIMARY KEY,
  version bigint NOT NULL DEFAULT 0,
  kept_version bigint NOT NULL DEFAULT 0,
  stamp text COLLATE "C" NOT NULL DEFAULT '',
  writer bigint NOT NULL DEFAULT 0
) WITH (fillfactor = 50);
ALTER TABLE debitor_clock ADD COLUMN IF NOT EXISTS writer bigint NOT NULL DEFAULT 0;
CREATE TABLE IF NOT EXISTS debitor_forgotten (
  company bigint PRIMARY KEY,
  version bigint NOT NULL
);
CREATE TABLE IF NOT EXISTS debitor_deleted (
  company bigint NOT NULL,
  record text COLLATE "C" NOT NULL,
  version bigint NOT NULL,
  id text COLLATE "C" NOT NULL,
  owner text COLLATE "C" NOT NULL,
  created_version bigint NOT NULL,
  deleted_at text COLLATE "C" NOT NULL,
  PRIMARY KEY (company, record, version)
);

CREATE OR REPLACE FUNCTION debitor_refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION '%', TG_ARGV[0] USING ERRCODE = 'DB001';
END $$;

-- Texts, by a collation that knows the case of all letters.
CREATE OR REPLACE FUNCTION text_lower(value text) RETURNS text LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
  AS $$ SELECT lower(value COLLATE {letters}) COLLATE "C" $$;
CREATE OR REPLACE FUNCTION text_upper(value text) RETURNS text LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
  AS $$ SELECT upper(value COLLATE {letters}) COLLATE "C" $$;
CREATE OR REPLACE FUNCTION text_trim(value text) RETURNS text LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
  AS $$ SELECT btrim(value, {spaces}) $$;
CREATE OR REPLACE FUNCTION text_rest(value text, first numeric) RETURNS text LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
  AS $$ SELECT substr(value, LEAST(GREATEST(first, 0), 1000000000)::integer + 1) $$;
CREATE OR REPLACE FUNCTION text_part(value text, first numeric, number numeric) RETURNS text
  LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
  SELECT substr(value, LEAST(GREATEST(first, 0), 1000000000)::integer + 1,
                LEAST(GREATEST(number, 0), 1000000000)::integer)
$$;

-- Decimals are scaled by 100000. What leaves 64 bits becomes the nearest that does not.
CREATE OR REPLACE FUNCTION decimal_within(value numeric) RETURNS numeric LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
  AS $$ SELECT LEAST(GREATEST(value, -9223372036854775807), 9223372036854775807) $$;
CREATE OR REPLACE FUNCTION decimal_round(value numeric) RETURNS numeric LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
  AS $$ SELECT round(value * 0.00001) * 100000 $$;
CREATE OR REPLACE FUNCTION decimal_floor(value numeric) RETURNS numeric LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
  AS $$ SELECT floor(value * 0.00001) * 100000 $$;
CREATE OR REPLACE FUNCTION decimal_ceiling(value numeric) RETURNS numeric LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
  AS $$ SELECT ceil(value * 0.00001) * 100000 $$;
CREATE OR REPLACE FUNCTION decimal_multiply(a numeric, b numeric) RETURNS numeric
  LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$ SELECT decimal_within(round(a * b * 0.00001)) $$;
CREATE OR REPLACE FUNCTION decimal_divide(a numeric, b numeric) RETURNS numeric
  LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
  SELECT CASE WHEN b = 0 THEN NULL
    ELSE decimal_within(sign(a) * sign(b) * div(abs(a) * 200000 + abs(b), abs(b) * 2)) END
$$;
CREATE OR REPLACE FUNCTION decimal_shown(value numeric) RETURNS text LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
  SELECT CASE WHEN mod(value, 100000) = 0 THEN div(value, 100000) || '.0' ELSE trim_scale(value * 0.00001)::text END
$$;
CREATE OR REPLACE FUNCTION factor_scaled(value text) RETURNS numeric LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
  AS $$ SELECT decimal_within(round(value::numeric * 100000)) $$;

-- The ranges that a filter on codes names, in order and apart: '1000..1099|1200|30*'.
CREATE OR REPLACE FUNCTION code_ranges(filter text) RETURNS TABLE (low text, high text)
  LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE ROWS 3 AS $$
  WITH part AS (
    SELECT text_trim(split_part(p, '..', 1)) AS a,
      text_trim(CASE WHEN strpos(p, '..') > 0 THEN substr(p, strpos(p, '..') + 2) END) AS b
    FROM unnest(string_to_array(text_upper(filter), '|')) AS p
  ), named AS (
    SELECT
      (CASE WHEN b IS NULL AND right(a, 1) = '*' THEN left(a, -1) ELSE a END) COLLATE "C" AS low,
      (CASE WHEN b IS NOT NULL THEN COALESCE(NULLIF(b, ''), U&'\+10FFFF')
        WHEN right(a, 1) = '*' THEN left(a, -1) || U&'\+10FFFF' ELSE a END) COLLATE "C" AS high
    FROM part WHERE b IS NOT NULL OR a <> ''
  ), marked AS (
    SELECT low, high,
      low <= max(high) OVER (ORDER BY low, high ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS touches
    FROM named WHERE low <= high
  ), counted AS (
    SELECT low, high,
      count(*) FILTER (WHERE touches IS NOT TRUE) OVER (ORDER BY low, high ROWS UNBOUNDED PRECEDING) AS number
    FROM marked
  )
  SELECT min(low), max(high) FROM counted GROUP BY number ORDER BY 1
$$;
