SELECT pric FROM bookings
----
SELECT b.pric FROM bookings b
----
SELECT c.price FROM bookings b
----
SELECT "Price" FROM bookings
----
SELECT listing FROM bookings b JOIN listings l ON b.listing = l.listing
----
SELECT price FROM nowhere
----
SELECT * FROM listing_bookings
----
SELECT * FROM bookings AS OF TIMESTAMP '2024-01-01'
----
SELECT * FROM listing_bookings AS OF DATE '2024-01-01'
----
SELECT * FROM (SELECT price FROM bookings) AS OF TIMESTAMP '2024-01-01' AS x
----
SELECT price FROM bookings AS b(x, y, z, a, c, d, e, f)
----
SELECT NOSUCH(price) FROM bookings
----
SELECT ABS(price, 1) FROM bookings
----
SELECT price + room_type FROM bookings
----
SELECT price FROM bookings WHERE price
----
SELECT price FROM bookings WHERE SUM(price) > 1
----
SELECT price FROM bookings WHERE ROW_NUMBER() OVER (ORDER BY ts) = 1
----
SELECT ROW_NUMBER() FROM bookings
----
SELECT price FROM bookings HAVING price > 1
----
SELECT listing, price, COUNT(*) FROM bookings GROUP BY listing
----
SELECT *, COUNT(*) FROM bookings GROUP BY listing
----
SELECT COUNT(*) FROM bookings GROUP BY 4
----
SELECT SUM(COUNT(*)) FROM bookings
----
SELECT SUM(room_type) FROM bookings
----
SELECT AVG(price, 2) FROM bookings
----
SELECT DECAYED_SUM(price, '4d') FROM bookings
----
SELECT COUNT(*) OVER (LAST '7d') FROM bookings
----
SELECT COUNT(*) OVER w FROM bookings WINDOW w AS (LAST '7d')
----
SELECT COUNT(*) OVER w FROM bookings
----
SELECT ABS(price) OVER (ORDER BY ts) FROM bookings
----
SELECT LABEL b.price FROM bookings b
----
SELECT DISTINCT price FROM bookings ORDER BY ts
----
SELECT DISTINCT ON (price) price FROM bookings
----
SELECT price FROM bookings ORDER BY 2
----
SELECT price FROM bookings LIMIT price
----
SELECT price FROM bookings UNION SELECT listing, host FROM listings
----
SELECT price FROM bookings UNION SELECT room_type FROM listings
----
SELECT price FROM bookings UNION SELECT host FROM listings ORDER BY ts
----
WITH RECURSIVE x AS (SELECT 1) SELECT * FROM x
----
WITH x(a, b) AS (SELECT 1) SELECT * FROM x
----
SELECT (SELECT price, ts FROM bookings) FROM listings
----
SELECT * FROM bookings b SEMI JOIN listings l ON b.listing = l.listing
----
SELECT * FROM bookings b JOIN listings b ON b.listing = b.host
----
SELECT * FROM bookings b LEFT JOIN listings l ON b.listing + l.listing
----
SELECT * FROM bookings b NATURAL JOIN hosts h
----
SELECT * FROM bookings b FULL JOIN listings l USING (listing)
----
SELECT * FROM bookings UNION ALL requests
----
SELECT * FROM UNNEST([1, 2]) AS u(x)
----
SELECT * FROM bookings, LATERAL (SELECT 1) x
----
SELECT * EXCEPT (nothing) FROM bookings
----
SELECT *
----
SELECT price IS 3 FROM bookings
----
SELECT page.nam FROM clicks
----
SELECT payload.name FROM clicks
----
SELECT CURRENT_DATE
----
SELECT INTERVAL '1' MONTH
----
SELECT CAST(price AS VARCHAR(3)) FROM bookings
----
SELECT CAST(page AS BIGINT) FROM clicks
----
DESCRIBE booking
----
DROP FEATURE SET bookings
----
DROP SOURCE booking
----
SELECT ABS(b.*) FROM bookings b
----
SELECT page[1, 2] FROM clicks
----
SELECT ABS(DISTINCT price) FROM bookings
----
SELECT price FROM bookings UNION BY NAME SELECT host FROM listings
----
SELECT * FROM generate_series(1, 3)
----
SELECT * FROM (bookings) b
----
SELECT * FROM (VALUES (price)) AS t(x)
----
CREATE EVENT SOURCE a (k BIGINT, ts TIMESTAMP) EVENT TIME ts; CREATE EVENT SOURCE b (k VARCHAR, ts TIMESTAMP) EVENT TIME ts; SELECT * FROM a UNION ALL b
----
CREATE EVENT SOURCE a (k BIGINT, ts TIMESTAMP) EVENT TIME ts; CREATE EVENT SOURCE b (l BIGINT, ts TIMESTAMP) EVENT TIME ts; SELECT * FROM a UNION ALL b
----
SELECT * FROM bookings b JOIN listings l ON b.room_type = l.host
----
SELECT * FROM bookings WHERE price ESCAPE 'x'
----
SELECT (SELECT l.host FROM listings l WHERE l.listing = q.listing) FROM requests q
----
SELECT (SELECT SUM(l.host) FROM listings l WHERE l.listing < q.listing) FROM requests q
----
SELECT (SELECT COUNT(*) + 1 FROM listings l WHERE l.listing = q.listing) FROM requests q
----
SELECT (SELECT MAX(l.host + q.listing) FROM listings l) FROM requests q
----
SELECT 1 FROM requests q WHERE EXISTS (SELECT 1 FROM listings l WHERE l.listing = q.listing LIMIT 1)
----
SELECT 1 FROM requests q WHERE q.listing IN (SELECT room_type FROM listings)
----
WITH unused AS (SELECT pric FROM bookings) SELECT 1 AS x
----
SELECT MEDIAN() FROM bookings
----
SELECT * FROM listing_bookings AS OF TIMESTAMP 'yesterday'
----
SELECT price FROM bookings ORDER BY ALL, ts
----
SELECT price FROM bookings UNION SELECT price FROM bookings ORDER BY ts, ALL
----
SELECT RANK() OVER (ORDER BY ALL) FROM bookings
----
SELECT price FROM bookings LIMIT price
----
SELECT q.request_id, b.listin FROM requests q ASOF LEFT JOIN listing_bookings b MATCH_CONDITION (q.ts > b.event_time) ON b.listing = q.listing WHERE b.listing > 3
----
SELECT listing, TOP_K(price, 2) FROM bookings GROUP BY ROLLUP (listing)
----
SELECT [listing] AS l, FIRST(price) FROM bookings GROUP BY l
----
SELECT listing, FIRST(price) RESPECT NULLS FROM bookings GROUP BY listing
----
SELECT listing, TOP_K(price) FROM bookings GROUP BY listing
----
SELECT listing, SUM(DISTINCT price) FROM bookings GROUP BY listing
----
SELECT TOP_K(price, 3) OVER (PARTITION BY listing) FROM bookings
----
SELECT SUM(price) BY room_type OVER (PARTITION BY listing) FROM bookings
----
SELECT listing, COUNT(*) BY [price] FROM bookings GROUP BY listing
----
SELECT zz + 1 AS zz FROM bookings WHERE zz > 1
----
SELECT a + 1 AS b, price AS a FROM bookings
----
SELECT SUM(price) AS s FROM bookings WHERE s > 1
----
SELECT FIRST(price ORDER BY ts) FROM bookings
----
SELECT DATE '2024-02-30' AS d
----
SELECT listing FROM bookings UNION SELECT listing, price FROM bookings
----
SELECT PERCENTILE_CONT(price, 0.5) FROM bookings
