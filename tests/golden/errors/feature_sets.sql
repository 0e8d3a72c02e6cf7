CREATE FEATURE SET f AS SELECT COUNT(*) AS n FROM booking
----
CREATE FEATURE SET f AS SELECT COUNT(*) AS n
----
CREATE FEATURE SET f AS SELECT COUNT(*) AS n FROM (SELECT * FROM bookings)
----
CREATE FEATURE SET f AS SELECT COUNT(*) AS n FROM listing_bookings UNION ALL bookings
----
CREATE FEATURE SET f AS SELECT COUNT(*) AS n FROM hosts
----
CREATE FEATURE SET f AS SELECT COUNT(*) OVER (NEXT '7d') AS n FROM listings
----
CREATE FEATURE SET f AS SELECT COUNT(*) AS n FROM bookings UNION ALL requests
----
CREATE FEATURE SET f AS SELECT COUNT(*) AS n FROM bookings UNION ALL listings
----
CREATE FEATURE SET f AS SELECT COUNT(*) AS n FROM bookings UNION SELECT COUNT(*) AS n FROM requests
----
CREATE FEATURE SET f AS SELECT COUNT(*) AS n FROM bookings b JOIN listings l ON b.listing = l.listing
----
CREATE FEATURE SET f AS WITH x AS (SELECT 1) SELECT COUNT(*) AS n FROM bookings
----
CREATE FEATURE SET f AS SELECT listing, COUNT(*) AS n FROM bookings GROUP BY listing HAVING COUNT(*) > 1
----
CREATE FEATURE SET f AS SELECT listing, COUNT(*) AS n FROM bookings GROUP BY listing ORDER BY n
----
CREATE FEATURE SET f AS SELECT listing, COUNT(*) AS n FROM bookings WHERE COUNT(*) > 1 GROUP BY listing
----
CREATE FEATURE SET f AS SELECT listing, COUNT(*) AS n FROM bookings WHERE price GROUP BY listing
----
CREATE FEATURE SET f AS SELECT listing, COUNT(*) AS n FROM bookings WHERE pric > 1 GROUP BY listing
----
CREATE FEATURE SET f AS SELECT listing, COUNT(*) FROM bookings GROUP BY listing
----
CREATE FEATURE SET f AS SELECT listing, price, COUNT(*) AS n FROM bookings GROUP BY listing
----
CREATE FEATURE SET f AS SELECT listing, price + SUM(n_nights) AS n FROM bookings GROUP BY listing
----
CREATE FEATURE SET f AS SELECT listing, COUNT(*) AS n, SUM(price) AS N FROM bookings GROUP BY listing
----
CREATE FEATURE SET f AS SELECT listing, COUNT(*) AS listing FROM bookings GROUP BY listing
----
CREATE FEATURE SET f AS SELECT *, COUNT(*) AS n FROM bookings GROUP BY listing
----
CREATE FEATURE SET f AS SELECT * EXCEPT (price) FROM bookings GROUP BY listing
----
CREATE FEATURE SET f AS SELECT listing FROM bookings GROUP BY listing
----
CREATE FEATURE SET f AS SELECT price * 2 FROM bookings GROUP BY listing
----
CREATE FEATURE SET f WITH (tail = '1h') AS SELECT price FROM bookings GROUP BY listing
----
CREATE FEATURE SET f AS SELECT COUNT(*) AS n FROM bookings GROUP BY ALL
----
CREATE FEATURE SET f AS SELECT COUNT(*) AS n FROM bookings GROUP BY listing + 1
----
CREATE FEATURE SET f AS SELECT COUNT(*) AS n FROM bookings GROUP BY 3
----
CREATE FEATURE SET f AS SELECT COUNT(*) AS n FROM bookings GROUP BY listing, listing
----
CREATE FEATURE SET f AS SELECT LABEL listing, COUNT(*) AS n FROM bookings GROUP BY listing
----
CREATE FEATURE SET f AS SELECT SUM(price) OVER w AS n FROM bookings
----
CREATE FEATURE SET f AS SELECT SUM(price) OVER v AS n FROM bookings WINDOW w AS (LAST '7d')
----
CREATE FEATURE SET f AS SELECT SUM(price) OVER w AS n FROM bookings WINDOW w AS (LAST '7d'), w AS (LAST '8d')
----
CREATE FEATURE SET f AS SELECT SUM(price) OVER w AS n FROM bookings WINDOW w AS (PARTITION BY listing)
----
CREATE FEATURE SET f AS SELECT SUM(price) OVER (PARTITION BY listing) AS n FROM bookings
----
CREATE FEATURE SET f AS SELECT SUM(price) OVER (LAST '365d', '1y') AS n FROM bookings
----
CREATE FEATURE SET f AS SELECT SUM(price) OVER (LAST 10 ROWS LIMIT 5 ROWS) AS n FROM bookings
----
CREATE FEATURE SET f AS SELECT SUM(price) OVER (NEXT '7d') AS n, COUNT(*) AS m FROM bookings
----
CREATE FEATURE SET f AS SELECT SUM(price) OVER (LAST '7d', '8d') / SUM(price) OVER (LAST '7d', '9d') AS n FROM bookings
----
CREATE FEATURE SET f AS SELECT SUM(room_type) AS n FROM bookings
----
CREATE FEATURE SET f AS SELECT SUM(SUM(price)) AS n FROM bookings
----
CREATE FEATURE SET f AS SELECT SUM() AS n FROM bookings
----
CREATE FEATURE SET f AS SELECT SUM(price, 2) AS n FROM bookings
----
CREATE FEATURE SET f AS SELECT SUM(DISTINCT price) AS n FROM bookings
----
CREATE FEATURE SET f AS SELECT TOP_K(price) AS n FROM bookings
----
CREATE FEATURE SET f AS SELECT TOP_K(price, listing) AS n FROM bookings
----
CREATE FEATURE SET f AS SELECT TOP_K(price, 1.5) AS n FROM bookings
----
CREATE FEATURE SET f AS SELECT TOP_K(price, -1) AS n FROM bookings
----
CREATE FEATURE SET f AS SELECT QUANTILE(price, 1.5) AS n FROM bookings
----
CREATE FEATURE SET f AS SELECT QUANTILE(price) AS n FROM bookings
----
CREATE FEATURE SET f AS SELECT MEDIAN(price, 0.5) AS n FROM bookings
----
CREATE FEATURE SET f AS SELECT SUM(price) FILTER (WHERE n_nights) AS n FROM bookings
----
CREATE FEATURE SET f AS SELECT ABS(price) OVER (LAST '7d') AS n FROM bookings
----
CREATE FEATURE SET f AS SELECT SUMM(price) OVER (LAST '7d') AS n FROM bookings
----
CREATE FEATURE SET f AS SELECT SUMM(price) AS n, COUNT(*) AS m FROM bookings
----
CREATE FEATURE SET f AS SELECT APPROX_COUNT(price) OVER (LAST '7d') AS n FROM bookings
----
CREATE FEATURE SET f AS SELECT SUM(price) BY page.name AS n FROM clicks
----
CREATE FEATURE SET f AS SELECT COUNT(*) + NOW() AS n FROM bookings
----
CREATE FEATURE SET f AS SELECT COUNT(*) FILTER (WHERE ts > CURRENT_TIMESTAMP) AS n FROM bookings
----
CREATE FEATURE SET f AS SELECT COUNT(*) FILTER (WHERE listing IN (SELECT listing FROM listings)) AS n FROM bookings
----
CREATE FEATURE SET f AS SELECT COUNT(*) FILTER (WHERE EXISTS (SELECT 1)) AS n FROM bookings
----
CREATE FEATURE SET f AS SELECT LABEL price FROM bookings GROUP BY listing
----
CREATE FEATURE SET f AS SELECT COUNT(*) AS n FROM plain
----
CREATE EVENT SOURCE a (k BIGINT, ts TIMESTAMP) EVENT TIME ts; CREATE EVENT SOURCE b (k VARCHAR, ts TIMESTAMP) EVENT TIME ts; CREATE FEATURE SET f AS SELECT COUNT(*) AS n FROM a UNION ALL b
----
CREATE EVENT SOURCE a (k BIGINT, ts TIMESTAMP) EVENT TIME ts SEQUENCE k; CREATE EVENT SOURCE b (k INTEGER, ts TIMESTAMP) EVENT TIME ts SEQUENCE k; CREATE FEATURE SET f AS SELECT COUNT(*) AS n FROM a UNION ALL b
----
CREATE FEATURE SET f AS SELECT SUM(ABS(DISTINCT price)) AS n FROM bookings
----
CREATE FEATURE SET f AS SELECT COUNT(*) AS "#1" FROM bookings
----
CREATE FEATURE SET f AS SELECT COUNT(*) AS n FROM bookings AS b(id)
----
CREATE FEATURE SET f AS SELECT DECAYED_SUM(price) OVER (LAST '7d') AS n FROM bookings
----
CREATE FEATURE SET f AS SELECT DECAYED_SUM(price, 4) OVER (LAST '7d') AS n FROM bookings
----
CREATE FEATURE SET f AS SELECT DECAYED_COUNT('4x') OVER (LAST '7d') AS n FROM bookings
----
CREATE FEATURE SET f AS SELECT DECAYED_COUNT(price, '4d') OVER (LAST '7d') AS n FROM bookings
----
CREATE FEATURE SET f AS SELECT DECAYED_SUM(price, INTERVAL '1' MONTH) OVER (LAST '7d') AS n FROM bookings
----
CREATE FEATURE SET f AS SELECT DECAYED_SUM(room_type, '4d') OVER (LAST '7d') AS n FROM bookings
----
CREATE FEATURE SET f AS SELECT ARRAY_AGG(DISTINCT price) OVER (LAST '7d') AS n FROM bookings
----
CREATE FEATURE SET f AS SELECT ARRAY_AGG(price, 3) OVER (LAST '7d') AS n FROM bookings
----
CREATE FEATURE SET f AS SELECT APPROX_TOP_K(room_type) OVER (LAST '7d') AS n FROM bookings
----
CREATE FEATURE SET f AS SELECT APPROX_QUANTILE(price, 2) OVER (LAST '7d') AS n FROM bookings
----
CREATE FEATURE SET f AS SELECT SKEWNESS(room_type) OVER (LAST '7d') AS n FROM bookings
----
CREATE FEATURE SET f AS SELECT SUM([room_type]) OVER (LAST '7d') AS n FROM bookings
----
CREATE FEATURE SET f AS SELECT KURTOSIS(price, 3) OVER (LAST '7d') AS n FROM bookings
----
CREATE FEATURE SET f AS SELECT SUM(price) OVER (NEXT 10 ROWS) AS n FROM bookings
----
CREATE FEATURE SET f AS SELECT SUM(price) OVER (NEXT '7d' LIMIT 10 ROWS) AS n FROM bookings
----
CREATE FEATURE SET f WITH (tail = '1h') AS SELECT SUM(price) OVER (NEXT '7d') AS n FROM bookings
----
CREATE FEATURE SET f WITH (online = true) AS SELECT SUM(price) OVER (NEXT '7d') AS n FROM bookings
----
CREATE FEATURE SET f AS SELECT SUM(price) OVER (NEXT '7d') AS n FROM bookings; SELECT * FROM f AS OF TIMESTAMP '2024-01-01'
----
CREATE FEATURE SET f AS SELECT listing, MAX(nights_8d) AS n FROM listing_bookings GROUP BY listing
----
CREATE FEATURE SET f AS SELECT listing, MAX("#time") AS n FROM listing_bookings GROUP BY listing
----
CREATE FEATURE SET f AS SELECT listing, MAX(nights_7d) AS n FROM listing_bookings AS b(x) GROUP BY listing
----
CREATE FEATURE SET y AS SELECT listing, SUM(price) OVER (NEXT '7d') AS n FROM bookings GROUP BY listing; CREATE FEATURE SET f AS SELECT listing, MAX(n) AS n FROM y GROUP BY listing
----
CREATE FEATURE SET y AS SELECT listing, host FROM listings GROUP BY listing; CREATE FEATURE SET f AS SELECT host, COUNT(*) AS n FROM y GROUP BY host
----
CREATE FEATURE SET f AS SELECT BOOL_OR(is_risky) AS n FROM stay_risk
----
CREATE TRAINING SET u AS SELECT s.ts, l.room_type FROM stay_risk s ASOF LEFT JOIN latest l MATCH_CONDITION (s.ts > l.event_time) ON l.listing = s.request_id; CREATE FEATURE SET f AS SELECT COUNT(*) AS n FROM u
----
CREATE TRAINING SET u AS SELECT p.a FROM plain p; CREATE FEATURE SET f AS SELECT COUNT(*) AS n FROM u
----
CREATE TRAINING SET u AS SELECT q.ts, l.price, m.price AS other FROM requests q ASOF LEFT JOIN latest l MATCH_CONDITION (q.ts > l.event_time) ON l.listing = q.listing ASOF LEFT JOIN latest m MATCH_CONDITION (q.ts - INTERVAL '1' DAY > m.event_time) ON m.listing = q.listing; CREATE FEATURE SET f AS SELECT COUNT(*) AS n FROM u
----
CREATE FEATURE SET f AS SELECT COUNT(*) AS n FROM bookings b ASOF LEFT JOIN listings l MATCH_CONDITION (b.ts > l.updated_at) ON l.listing = b.listing
----
CREATE FEATURE SET f AS SELECT COUNT(*) AS n FROM bookings b LEFT JOIN hosts h ON h.city = b.room_type
----
CREATE FEATURE SET f AS SELECT COUNT(*) AS n FROM bookings b LEFT JOIN hosts b ON b.host = b.listing
----
CREATE FEATURE SET f AS SELECT listing, l.host FROM listings l LEFT JOIN hosts h ON h.host = l.host GROUP BY listing
----
CREATE FEATURE SET f AS SELECT COUNT(*) AS n FROM stay_risk s LEFT JOIN hosts h ON h.host = s.request_id WHERE s.is_risky
----
CREATE FEATURE SET f AS SELECT h.town, COUNT(*) AS n FROM bookings b LEFT JOIN hosts h ON h.host = b.listing GROUP BY h.town
----
CREATE FEATURE SET f AS
WITH dear AS (SELECT listing, pric FROM bookings)
SELECT COUNT(*) AS n FROM dear
----
CREATE FEATURE SET f AS
WITH sums AS (SELECT listing, SUM(price) AS s FROM bookings GROUP BY listing)
SELECT MAX(s) AS n FROM sums
----
CREATE FEATURE SET f AS SELECT COUNT(*) AS n FROM (SELECT * FROM bookings ORDER BY ts LIMIT 3) b
----
CREATE FEATURE SET f AS WITH x(a) AS (SELECT price FROM bookings) SELECT SUM(a) AS n FROM x
----
CREATE FEATURE SET f AS WITH RECURSIVE x AS (SELECT price FROM x) SELECT SUM(price) AS n FROM x
----
CREATE FEATURE SET f AS WITH a AS (SELECT price FROM b), b AS (SELECT * FROM bookings) SELECT SUM(price) AS n FROM a
----
CREATE FEATURE SET f AS SELECT SUM(p) AS n FROM (SELECT price AS p FROM bookings) x WHERE price > 1
----
CREATE FEATURE SET f AS SELECT SUM(p) AS n FROM (SELECT price * 2 FROM bookings) x
----
CREATE FEATURE SET f AS SELECT SUM(p) AS n FROM (SELECT 1 AS p) x
----
CREATE FEATURE SET f AS SELECT listing, SUM(*) AS n FROM bookings GROUP BY listing
----
CREATE FEATURE SET f AS SELECT listing, LAST(price) IGNORE NULLS AS n FROM bookings GROUP BY listing
----
CREATE FEATURE SET f AS SELECT listing, LAST(price ORDER BY ts) AS n FROM bookings GROUP BY listing
