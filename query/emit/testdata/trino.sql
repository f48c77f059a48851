-- ==== weights, a condition, cutoffs ====

-- SAMPLE 1000 FROM buckets WEIGHTED BY PHASE phase1_calibration WHERE _verified AND NOT holdout(5)
-- for trino, seed 42, by smelt query --emit-sql
--   instruction: 700 of 20000 rows
--   code: 200 of 30000 rows
--   factual: 100 of 4000 rows

-- The rows that smelt would store, and their row_hash.
WITH hashed AS (
  SELECT t.*, lower(to_hex(sha256(to_utf8(
    replace(replace(replace(coalesce(t."instruction", ''), chr(27), (chr(27) || '0')), chr(30), (chr(27) || '1')), chr(31), (chr(27) || '2'))
    || chr(31) || replace(replace(replace(coalesce(t."input", ''), chr(27), (chr(27) || '0')), chr(30), (chr(27) || '1')), chr(31), (chr(27) || '2'))
    || chr(31) || replace(replace(replace(coalesce(t."output", ''), chr(27), (chr(27) || '0')), chr(30), (chr(27) || '1')), chr(31), (chr(27) || '2')))))) AS smelt_hash
  FROM "hive"."corpus"."rows" AS t
  WHERE t."instruction" IS NOT NULL AND t."output" IS NOT NULL AND (t."instruction" <> '' OR t."output" <> '')
),
-- Its first 60 bits as a number.
keyed AS (
  SELECT h.*, CAST(from_base(substr(h.smelt_hash, 1, 15), 16) AS DECIMAL(19,0)) AS smelt_h
  FROM hashed AS h
),
-- WHERE, the stratum of each row and its two ranks, (a*h + b) mod (2^61 - 1).
placed AS (
  SELECT
    k.smelt_hash AS row_hash,
    coalesce(k."_bucket", '') AS bucket,
    k."instruction" AS instruction_text,
    coalesce(k."input", '') AS input_text,
    k."output" AS output_text,
    CASE
      WHEN k."_bucket" = 'instruction' THEN 0
      WHEN k."_bucket" = 'code' THEN 1
      WHEN k."_bucket" = 'factual' THEN 2
      ELSE NULL
    END AS stratum,
    CAST((DECIMAL '883881760379793534' * k.smelt_h + DECIMAL '1085307870305654187') % DECIMAL '2305843009213693951' AS BIGINT) AS sample_rank,
    CAST((DECIMAL '1453651778495872119' * k.smelt_h + DECIMAL '173224934237964174') % DECIMAL '2305843009213693951' AS BIGINT) AS order_rank
  FROM keyed AS k
  WHERE (k."_verified" AND (NOT (CAST((DECIMAL '1119205020666757519' * k.smelt_h + DECIMAL '1864241424592021286') % DECIMAL '2305843009213693951' AS BIGINT) < 115292150460684698)))
),
limited AS (
  SELECT
    p.*,
    CASE
      WHEN stratum = 0 THEN 700
      WHEN stratum = 1 THEN 200
      WHEN stratum = 2 THEN 100
      ELSE NULL
    END AS quota,
    CASE
      WHEN stratum = 0 THEN 101226508104481165
      WHEN stratum = 1 THEN 104339396166919652
      WHEN stratum = 2 THEN 104339396166919652
      ELSE NULL
    END AS cutoff
  FROM placed AS p
  WHERE stratum IS NOT NULL
),
-- How many strata have enough rows below their cutoff, after DISTINCT.
enough AS (
  SELECT count(*) AS strata
  FROM (
    SELECT stratum
    FROM (
      SELECT stratum, quota, row_number() OVER (PARTITION BY row_hash ORDER BY bucket) AS copy_number
      FROM limited
      WHERE sample_rank < cutoff
    ) AS below
    WHERE copy_number = 1
    GROUP BY stratum, quota
    HAVING count(*) >= quota AND quota > 0
  ) AS full_strata
),
-- If one has not, the cutoffs do not count.
candidates AS (
  SELECT *
  FROM limited
  WHERE sample_rank < cutoff OR (SELECT strata FROM enough) < 3
),
-- DISTINCT: of rows of equal row_hash the one of the first bucket.
copies AS (
  SELECT c.*, row_number() OVER (PARTITION BY row_hash ORDER BY bucket) AS copy_number
  FROM candidates AS c
),
-- In each stratum the smallest ranks, as many as its quota.
places AS (
  SELECT c.*, row_number() OVER (PARTITION BY stratum ORDER BY sample_rank, row_hash) AS place
  FROM copies AS c
  WHERE copy_number = 1
),
-- ORDER BY SHUFFLE.
shuffled AS (
  SELECT p.*, row_number() OVER (ORDER BY order_rank, row_hash) AS place_in_all, count(*) OVER () AS delivered
  FROM places AS p
  WHERE place <= quota
),
-- Quotas are upper bounds, so the total tells whether each was met.
drawn AS (
  SELECT CASE WHEN delivered = 1000 THEN place_in_all ELSE CAST('the sample has other than the 1000 rows expected: the table has fewer rows in some bucket than was counted; count again' AS BIGINT) END AS position, row_hash, bucket, instruction_text, input_text, output_text
  FROM shuffled
)
SELECT position, row_hash, bucket AS "_bucket", instruction_text AS instruction, input_text AS input, output_text AS output
FROM drawn
ORDER BY position;

-- ==== its digest ====

-- SAMPLE 1000 FROM buckets WEIGHTED BY PHASE phase1_calibration WHERE _verified AND NOT holdout(5)
-- for trino, seed 42, by smelt query --emit-sql
--   instruction: 700 of 20000 rows
--   code: 200 of 30000 rows
--   factual: 100 of 4000 rows

-- This statement gives the digest: the SHA-256 of the raw row_hashes in output order.
-- The rows that smelt would store, and their row_hash.
WITH hashed AS (
  SELECT t.*, lower(to_hex(sha256(to_utf8(
    replace(replace(replace(coalesce(t."instruction", ''), chr(27), (chr(27) || '0')), chr(30), (chr(27) || '1')), chr(31), (chr(27) || '2'))
    || chr(31) || replace(replace(replace(coalesce(t."input", ''), chr(27), (chr(27) || '0')), chr(30), (chr(27) || '1')), chr(31), (chr(27) || '2'))
    || chr(31) || replace(replace(replace(coalesce(t."output", ''), chr(27), (chr(27) || '0')), chr(30), (chr(27) || '1')), chr(31), (chr(27) || '2')))))) AS smelt_hash
  FROM "hive"."corpus"."rows" AS t
  WHERE t."instruction" IS NOT NULL AND t."output" IS NOT NULL AND (t."instruction" <> '' OR t."output" <> '')
),
-- Its first 60 bits as a number.
keyed AS (
  SELECT h.*, CAST(from_base(substr(h.smelt_hash, 1, 15), 16) AS DECIMAL(19,0)) AS smelt_h
  FROM hashed AS h
),
-- WHERE, the stratum of each row and its two ranks, (a*h + b) mod (2^61 - 1).
placed AS (
  SELECT
    k.smelt_hash AS row_hash,
    coalesce(k."_bucket", '') AS bucket,
    k."instruction" AS instruction_text,
    coalesce(k."input", '') AS input_text,
    k."output" AS output_text,
    CASE
      WHEN k."_bucket" = 'instruction' THEN 0
      WHEN k."_bucket" = 'code' THEN 1
      WHEN k."_bucket" = 'factual' THEN 2
      ELSE NULL
    END AS stratum,
    CAST((DECIMAL '883881760379793534' * k.smelt_h + DECIMAL '1085307870305654187') % DECIMAL '2305843009213693951' AS BIGINT) AS sample_rank,
    CAST((DECIMAL '1453651778495872119' * k.smelt_h + DECIMAL '173224934237964174') % DECIMAL '2305843009213693951' AS BIGINT) AS order_rank
  FROM keyed AS k
  WHERE (k."_verified" AND (NOT (CAST((DECIMAL '1119205020666757519' * k.smelt_h + DECIMAL '1864241424592021286') % DECIMAL '2305843009213693951' AS BIGINT) < 115292150460684698)))
),
limited AS (
  SELECT
    p.*,
    CASE
      WHEN stratum = 0 THEN 700
      WHEN stratum = 1 THEN 200
      WHEN stratum = 2 THEN 100
      ELSE NULL
    END AS quota,
    CASE
      WHEN stratum = 0 THEN 101226508104481165
      WHEN stratum = 1 THEN 104339396166919652
      WHEN stratum = 2 THEN 104339396166919652
      ELSE NULL
    END AS cutoff
  FROM placed AS p
  WHERE stratum IS NOT NULL
),
-- How many strata have enough rows below their cutoff, after DISTINCT.
enough AS (
  SELECT count(*) AS strata
  FROM (
    SELECT stratum
    FROM (
      SELECT stratum, quota, row_number() OVER (PARTITION BY row_hash ORDER BY bucket) AS copy_number
      FROM limited
      WHERE sample_rank < cutoff
    ) AS below
    WHERE copy_number = 1
    GROUP BY stratum, quota
    HAVING count(*) >= quota AND quota > 0
  ) AS full_strata
),
-- If one has not, the cutoffs do not count.
candidates AS (
  SELECT *
  FROM limited
  WHERE sample_rank < cutoff OR (SELECT strata FROM enough) < 3
),
-- DISTINCT: of rows of equal row_hash the one of the first bucket.
copies AS (
  SELECT c.*, row_number() OVER (PARTITION BY row_hash ORDER BY bucket) AS copy_number
  FROM candidates AS c
),
-- In each stratum the smallest ranks, as many as its quota.
places AS (
  SELECT c.*, row_number() OVER (PARTITION BY stratum ORDER BY sample_rank, row_hash) AS place
  FROM copies AS c
  WHERE copy_number = 1
),
-- ORDER BY SHUFFLE.
shuffled AS (
  SELECT p.*, row_number() OVER (ORDER BY order_rank, row_hash) AS place_in_all, count(*) OVER () AS delivered
  FROM places AS p
  WHERE place <= quota
),
-- Quotas are upper bounds, so the total tells whether each was met.
drawn AS (
  SELECT CASE WHEN delivered = 1000 THEN place_in_all ELSE CAST('the sample has other than the 1000 rows expected: the table has fewer rows in some bucket than was counted; count again' AS BIGINT) END AS position, row_hash, bucket, instruction_text, input_text, output_text
  FROM shuffled
)
SELECT lower(to_hex(sha256(from_hex(coalesce(array_join(array_agg(row_hash ORDER BY position), ''), ''))))) AS digest
FROM drawn;

-- ==== its counts ====

-- SAMPLE 1000 FROM buckets WEIGHTED BY PHASE phase1_calibration WHERE _verified AND NOT holdout(5)
-- for trino, seed 42, by smelt query --emit-sql

-- This statement counts the rows that may be drawn.
-- The rows that smelt would store, and their row_hash.
WITH hashed AS (
  SELECT t.*, lower(to_hex(sha256(to_utf8(
    replace(replace(replace(coalesce(t."instruction", ''), chr(27), (chr(27) || '0')), chr(30), (chr(27) || '1')), chr(31), (chr(27) || '2'))
    || chr(31) || replace(replace(replace(coalesce(t."input", ''), chr(27), (chr(27) || '0')), chr(30), (chr(27) || '1')), chr(31), (chr(27) || '2'))
    || chr(31) || replace(replace(replace(coalesce(t."output", ''), chr(27), (chr(27) || '0')), chr(30), (chr(27) || '1')), chr(31), (chr(27) || '2')))))) AS smelt_hash
  FROM "hive"."corpus"."rows" AS t
  WHERE t."instruction" IS NOT NULL AND t."output" IS NOT NULL AND (t."instruction" <> '' OR t."output" <> '')
),
-- Its first 60 bits as a number.
keyed AS (
  SELECT h.*, CAST(from_base(substr(h.smelt_hash, 1, 15), 16) AS DECIMAL(19,0)) AS smelt_h
  FROM hashed AS h
),
-- WHERE, the stratum of each row and its two ranks, (a*h + b) mod (2^61 - 1).
placed AS (
  SELECT
    k.smelt_hash AS row_hash,
    coalesce(k."_bucket", '') AS bucket,
    k."instruction" AS instruction_text,
    coalesce(k."input", '') AS input_text,
    k."output" AS output_text,
    CASE
      WHEN k."_bucket" = 'instruction' THEN 0
      WHEN k."_bucket" = 'code' THEN 1
      WHEN k."_bucket" = 'factual' THEN 2
      ELSE NULL
    END AS stratum,
    CAST((DECIMAL '883881760379793534' * k.smelt_h + DECIMAL '1085307870305654187') % DECIMAL '2305843009213693951' AS BIGINT) AS sample_rank,
    CAST((DECIMAL '1453651778495872119' * k.smelt_h + DECIMAL '173224934237964174') % DECIMAL '2305843009213693951' AS BIGINT) AS order_rank
  FROM keyed AS k
  WHERE (k."_verified" AND (NOT (CAST((DECIMAL '1119205020666757519' * k.smelt_h + DECIMAL '1864241424592021286') % DECIMAL '2305843009213693951' AS BIGINT) < 115292150460684698)))
),
copies AS (
  SELECT stratum, row_number() OVER (PARTITION BY row_hash ORDER BY bucket) AS copy_number
  FROM placed
  WHERE stratum IS NOT NULL
)
SELECT CASE
      WHEN stratum = 0 THEN 'instruction'
      WHEN stratum = 1 THEN 'code'
      WHEN stratum = 2 THEN 'factual'
      ELSE NULL
    END AS stratum, count(*) AS available
FROM copies
WHERE copy_number = 1
GROUP BY stratum
ORDER BY available DESC;

-- ==== all rows of a named table with a hash column ====

-- SAMPLE ALL FROM buckets SEED 7
-- for trino, seed 7, by smelt query --emit-sql
--   all rows: 1000 of 1000 rows

-- The rows that smelt would store, and their row_hash.
WITH hashed AS (
  SELECT t.*, lower(t."row_hash") AS smelt_hash
  FROM "corpus"."""rows" AS t
  WHERE t."instruction" IS NOT NULL AND t."output" IS NOT NULL AND (t."instruction" <> '' OR t."output" <> '') AND t."row_hash" IS NOT NULL
),
-- Its first 60 bits as a number.
keyed AS (
  SELECT h.*, CAST(from_base(substr(h.smelt_hash, 1, 15), 16) AS DECIMAL(19,0)) AS smelt_h
  FROM hashed AS h
),
-- WHERE, the stratum of each row and its two ranks, (a*h + b) mod (2^61 - 1).
placed AS (
  SELECT
    k.smelt_hash AS row_hash,
    coalesce(k."_bucket", '') AS bucket,
    k."instruction" AS instruction_text,
    coalesce(k."input", '') AS input_text,
    k."output" AS output_text,
    0 AS stratum,
    CAST((DECIMAL '1784289235895145922' * k.smelt_h + DECIMAL '646137665551861367') % DECIMAL '2305843009213693951' AS BIGINT) AS sample_rank,
    CAST((DECIMAL '1593867127313685022' * k.smelt_h + DECIMAL '1048464938329276797') % DECIMAL '2305843009213693951' AS BIGINT) AS order_rank
  FROM keyed AS k
),
limited AS (
  SELECT
    p.*,
    1000 AS quota
  FROM placed AS p
  WHERE stratum IS NOT NULL
),
candidates AS (SELECT * FROM limited),
-- DISTINCT: of rows of equal row_hash the one of the first bucket.
copies AS (
  SELECT c.*, row_number() OVER (PARTITION BY row_hash ORDER BY bucket) AS copy_number
  FROM candidates AS c
),
-- In each stratum the smallest ranks, as many as its quota.
places AS (
  SELECT c.*, row_number() OVER (PARTITION BY stratum ORDER BY sample_rank, row_hash) AS place
  FROM copies AS c
  WHERE copy_number = 1
),
-- ORDER BY SHUFFLE.
shuffled AS (
  SELECT p.*, row_number() OVER (ORDER BY order_rank, row_hash) AS place_in_all, count(*) OVER () AS delivered
  FROM places AS p
  WHERE place <= quota
),
-- Quotas are upper bounds, so the total tells whether each was met.
drawn AS (
  SELECT CASE WHEN delivered = 1000 THEN place_in_all ELSE CAST('the sample has other than the 1000 rows expected: the table has fewer rows in some bucket than was counted; count again' AS BIGINT) END AS position, row_hash, bucket, instruction_text, input_text, output_text
  FROM shuffled
)
SELECT position, row_hash, bucket AS "_bucket", instruction_text AS instruction, input_text AS input, output_text AS output
FROM drawn
ORDER BY position;

-- ==== a column's values and OTHERS ====

-- SAMPLE 10% FROM buckets WEIGHTED BY _license ('MIT' 1, 'It''s' 2, 'GPL' 0, OTHERS 3) ON SHORTFALL SHRINK
-- for trino, seed 42, by smelt query --emit-sql
--   MIT: 100 of 100 rows
--   It's: 200 of 200 rows
--   OTHERS: 50015 of 1000000 rows

-- The rows that smelt would store, and their row_hash.
WITH hashed AS (
  SELECT t.*, lower(to_hex(sha256(to_utf8(
    replace(replace(replace(coalesce(t."instruction", ''), chr(27), (chr(27) || '0')), chr(30), (chr(27) || '1')), chr(31), (chr(27) || '2'))
    || chr(31) || replace(replace(replace(coalesce(t."input", ''), chr(27), (chr(27) || '0')), chr(30), (chr(27) || '1')), chr(31), (chr(27) || '2'))
    || chr(31) || replace(replace(replace(coalesce(t."output", ''), chr(27), (chr(27) || '0')), chr(30), (chr(27) || '1')), chr(31), (chr(27) || '2')))))) AS smelt_hash
  FROM "hive"."corpus"."rows" AS t
  WHERE t."instruction" IS NOT NULL AND t."output" IS NOT NULL AND (t."instruction" <> '' OR t."output" <> '')
),
-- Its first 60 bits as a number.
keyed AS (
  SELECT h.*, CAST(from_base(substr(h.smelt_hash, 1, 15), 16) AS DECIMAL(19,0)) AS smelt_h
  FROM hashed AS h
),
-- WHERE, the stratum of each row and its two ranks, (a*h + b) mod (2^61 - 1).
placed AS (
  SELECT
    k.smelt_hash AS row_hash,
    coalesce(k."_bucket", '') AS bucket,
    k."instruction" AS instruction_text,
    coalesce(k."input", '') AS input_text,
    k."output" AS output_text,
    CASE
      WHEN k."_license" = 'MIT' THEN 0
      WHEN k."_license" = 'It''s' THEN 1
      WHEN k."_license" = 'GPL' THEN NULL
      ELSE 3
    END AS stratum,
    CAST((DECIMAL '883881760379793534' * k.smelt_h + DECIMAL '1085307870305654187') % DECIMAL '2305843009213693951' AS BIGINT) AS sample_rank,
    CAST((DECIMAL '1453651778495872119' * k.smelt_h + DECIMAL '173224934237964174') % DECIMAL '2305843009213693951' AS BIGINT) AS order_rank
  FROM keyed AS k
),
limited AS (
  SELECT
    p.*,
    CASE
      WHEN stratum = 0 THEN 100
      WHEN stratum = 1 THEN 200
      WHEN stratum = 3 THEN 50015
      ELSE NULL
    END AS quota
  FROM placed AS p
  WHERE stratum IS NOT NULL
),
candidates AS (SELECT * FROM limited),
-- DISTINCT: of rows of equal row_hash the one of the first bucket.
copies AS (
  SELECT c.*, row_number() OVER (PARTITION BY row_hash ORDER BY bucket, stratum) AS copy_number,
    CASE WHEN min(stratum) OVER (PARTITION BY row_hash, bucket) = max(stratum) OVER (PARTITION BY row_hash, bucket) THEN 0 ELSE 1 END AS tie
  FROM candidates AS c
),
-- In each stratum the smallest ranks, as many as its quota.
places AS (
  SELECT c.*, row_number() OVER (PARTITION BY stratum ORDER BY sample_rank, row_hash) AS place
  FROM copies AS c
  WHERE copy_number = 1
),
-- ORDER BY SHUFFLE.
shuffled AS (
  SELECT p.*, row_number() OVER (ORDER BY order_rank, row_hash) AS place_in_all, count(*) OVER () AS delivered
  FROM places AS p
  WHERE place <= quota
),
-- Quotas are upper bounds, so the total tells whether each was met.
drawn AS (
  SELECT CASE WHEN (SELECT max(tie) FROM copies WHERE copy_number = 1) = 0 THEN CASE WHEN delivered = 50315 THEN place_in_all ELSE CAST('the sample has other than the 50315 rows expected: the table has fewer rows in some bucket than was counted; count again' AS BIGINT) END ELSE CAST('rows of equal row_hash and bucket differ in _license, and which of them counts is told by their records: give them one value, or weigh by bucket' AS BIGINT) END AS position, row_hash, bucket, instruction_text, input_text, output_text
  FROM shuffled
)
SELECT position, row_hash, bucket AS "_bucket", instruction_text AS instruction, input_text AS input, output_text AS output
FROM drawn
ORDER BY position;

