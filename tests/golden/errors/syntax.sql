SELCT 1
----
INSERT INTO t VALUES (1)
----
SELECT price FORM bookings
----
SELECT price bookings WHERE 1
----
SELECT price FROM
----
SELECT (price FROM bookings
----
SELECT 'abc
FROM bookings
----
SELECT "price FROM bookings
----
SELECT price /* why
FROM bookings
----
SELECT 1_000
----
SELECT price FROM bookings WHERE
----
SELECT price,
  FROM bookings GROUP GROUP BY listing
----
SELECT ? FROM bookings
----
SELECT price FROM bookings TABLESAMPLE (10)
----
SELECT * t FROM bookings
----
SELECT price FROM bookings b AS OF TIMESTAMP '2024-01-01'
----
VALUES (1, 2)
----
EXPLAIN
----
EXPLAIN STAGE til SELECT 1
----
EXPLAIN STAGE
----
SHOW FEATUR SETS
----
SHOW
----
DROP bookings
----
DESCRIBE
----
DROP FEATURE SET a.b.c.d
----
CREATE TABLE t (a INT)
----
CREATE FEATURE SET x SELECT 1
----
CREATE FEATURE SET x AS
----
CREATE TRAINING SET x ID request_id AS SELECT 1
----
SELECT SUM(price) OVER (LAST '7 parsecs') FROM bookings
----
SELECT SUM(price) OVER (LAST '1mo') FROM bookings
----
SELECT SUM(price) OVER (LAST '1h30m') FROM bookings
----
SELECT SUM(price) OVER (LAST '0d') FROM bookings
----
SELECT SUM(price) OVER (LAST 7) FROM bookings
----
SELECT SUM(price) OVER (LAST 0 ROWS) FROM bookings
----
SELECT SUM(price) OVER (LAST 1.5 ROWS) FROM bookings
----
SELECT SUM(price) OVER (LAST '7d' LIMIT many ROWS) FROM bookings
----
SELECT SUM(price) OVER (LAST '7d', week) FROM bookings
----
SELECT SUM(price) OVER (LAST week) FROM bookings
----
SELECT SUM(price) OVER (RANGE INTERVAL '1' MONTH PRECEDING) FROM bookings
----
SELECT SUM(price) OVER (RANGE INTERVAL '1' YEAR PRECEDING) FROM bookings
----
SELECT SUM(price) OVER (RANGE INTERVAL '1' FORTNIGHT PRECEDING) FROM bookings
----
SELECT SUM(price) OVER (RANGE INTERVAL '1.5' DAY PRECEDING) FROM bookings
----
SELECT SUM(price) BY OVER (LAST '7d') FROM bookings
----
SELECT * FROM bookings b JOIN listings l
----
SELECT * FROM bookings b JOIN listings l MATCH_CONDITION (b.ts > l.updated_at) ON b.listing = l.listing
----
SELECT * FROM (SELECT 1) AS t(1)
----
SELECT FROM bookings
----
SELECT * EXCEPT (price p) FROM bookings
----
SELECT * FROM bookings JOIN listings USING (*)
----
SELECT b.3 FROM bookings b
----
SELECT price, FROM bookings
----
SELECT COALESCE(price, ) FROM bookings
----
SELECT SUM(price FROM bookings
----
SELECT q.* FROM requests q ASOF LEFT JOIN bookings b MATCH CONDITION (q.ts > b.ts)
----
CREATE FEATURE SET f AS SELECT COUNT(*) OVER (LAST 7d) AS n FROM bookings
----
CREATE FEATURE SET f AS SELECT COUNT(*) OVER (LAST '7 days') AS n FROM bookings
----
SELECT CAST(price AS NUMBER) FROM bookings
----
SELECT CASE WHEN price > 1 THEN 2 FROM bookings
