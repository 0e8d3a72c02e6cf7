SELECT 1 FROM requests q ASOF LEFT JOIN bokings b MATCH_CONDITION (q.ts > b.ts)
----
SELECT 1 FROM requests q ASOF LEFT JOIN hosts h MATCH_CONDITION (q.ts > h.since)
----
SELECT 1 FROM requests q ASOF LEFT JOIN stay_risk h MATCH_CONDITION (q.ts > h.ts)
----
SELECT 1 FROM requests q ASOF LEFT JOIN bookings q MATCH_CONDITION (q.ts > q.ts)
----
SELECT 1 FROM requests q ASOF LEFT JOIN bookings b MATCH_CONDITION (q.ts > b.loaded_at)
----
SELECT 1 FROM requests q ASOF LEFT JOIN bookings b MATCH_CONDITION (q.ts > ts)
----
SELECT 1 FROM requests q ASOF LEFT JOIN bookings b MATCH_CONDITION (q.ts = b.ts)
----
SELECT 1 FROM requests q ASOF LEFT JOIN bookings b MATCH_CONDITION (q.listing > b.ts)
----
SELECT 1 FROM requests q ASOF LEFT JOIN bookings b MATCH_CONDITION (q.tss > b.ts)
----
SELECT 1 FROM requests q ASOF LEFT JOIN renamed b MATCH_CONDITION (q.ts > b.event_time)
----
SELECT 1 FROM requests q ASOF LEFT JOIN listing_bookings b MATCH_CONDITION (q.ts > b.last_price) ON b.listing = q.listing
----
SELECT 1 FROM requests q ASOF LEFT JOIN listing_bookings b MATCH_CONDITION (q.ts < b.event_time) ON b.listing = q.listing
----
SELECT 1 FROM requests q ASOF LEFT JOIN listing_bookings b MATCH_CONDITION (q.ts > b.event_time)
----
SELECT 1 FROM requests q ASOF LEFT JOIN listing_bookings b MATCH_CONDITION (q.ts > b.event_time) ON b.listing > q.listing
----
SELECT 1 FROM requests q ASOF LEFT JOIN listing_bookings b MATCH_CONDITION (q.ts > b.event_time) ON b.listin = q.listing
----
SELECT 1 FROM requests q ASOF LEFT JOIN listing_bookings b MATCH_CONDITION (q.ts > b.event_time) ON b.listing = q.listing AND b.listing = q.request_id
----
SELECT 1 FROM requests q ASOF LEFT JOIN listing_bookings b MATCH_CONDITION (q.ts > b.event_time) ON b.listing + 1 = q.listing
----
SELECT 1 FROM requests q ASOF LEFT JOIN listing_bookings b MATCH_CONDITION (q.ts > b.event_time) ON b.listing = 'x' || q.listing
----
SELECT 1 FROM requests q ASOF LEFT JOIN listing_bookings b MATCH_CONDITION (q.ts > b.event_time) ON b.listing = q.listing TOLERANCE INTERVAL '1' DAY
----
SELECT 1 FROM requests q ASOF LEFT JOIN bookings b MATCH_CONDITION (q.ts > b.ts) ON listing = 3
----
SELECT 1 FROM requests q ASOF LEFT JOIN bookings b MATCH_CONDITION (q.ts > b.ts) ON b.price + q.listing
----
SELECT 1 FROM requests q ASOF LEFT JOIN bookings b MATCH_CONDITION (q.ts > b.ts) USING (request_id)
----
SELECT 1 FROM requests q ASOF LEFT JOIN listing_bookings AS OF TIMESTAMP '2024-01-01' b MATCH_CONDITION (q.ts > b.event_time) ON b.listing = q.listing
----
SELECT 1 FROM requests q ASOF LEFT JOIN (SELECT * FROM bookings) MATCH_CONDITION (q.ts > b.ts)
----
SELECT 1 FROM requests q ASOF LEFT JOIN (SELECT * FROM bookings ORDER BY ts) b MATCH_CONDITION (q.ts > b.ts)
----
SELECT 1 FROM requests q ASOF LEFT JOIN (SELECT 1 AS x) b MATCH_CONDITION (q.ts > b.ts)
----
SELECT 1 FROM requests q ASOF LEFT JOIN (SELECT price * 2 FROM bookings) b MATCH_CONDITION (q.ts > b.ts)
----
SELECT 1 FROM requests q ASOF LEFT JOIN (SELECT price, price FROM bookings) b MATCH_CONDITION (q.ts > b.ts)
----
SELECT 1 FROM requests q ASOF LEFT JOIN (SELECT price FROM bookings UNION SELECT 1) b MATCH_CONDITION (q.ts > b.ts)
----
SELECT 1 FROM requests q ASOF LEFT JOIN (VALUES (1)) b MATCH_CONDITION (q.ts > b.ts)
----
SELECT 1 FROM requests q ASOF LEFT JOIN plain p MATCH_CONDITION (q.ts > p.a)
----
SELECT 1 FROM requests q ASOF LEFT JOIN plain p MATCH_CONDITION (q.ts > p.event_time) ON p.a = q.listing
----
SELECT 1 FROM requests q ASOF LEFT JOIN plain p MATCH_CONDITION (q.ts > p.note) ON p.a = q.listing
----
SELECT 1 FROM requests q ASOF LEFT JOIN plain p MATCH_CONDITION (q.ts > q.ts) ON p.a = q.listing
----
SELECT 1 FROM requests q ASOF LEFT JOIN (SELECT a, SUM(a) OVER (LAST '7d') AS n FROM plain GROUP BY a) p MATCH_CONDITION (q.ts > p.at) ON p.a = q.listing
----
SELECT 1 FROM requests q ASOF LEFT JOIN (SELECT * FROM bookings UNION ALL SELECT * FROM more_bookings) b MATCH_CONDITION (q.ts > b.ts) ON b.listing = q.listing
----
CREATE TRAINING SET t AS SELECT q.ts, p.note FROM requests q ASOF LEFT JOIN plain p MATCH_CONDITION (q.ts > p.at) ON p.a = q.listing
----
SELECT 1 FROM (SELECT at AS n FROM clicks) q ASOF LEFT JOIN bookings b MATCH_CONDITION (q.n > b.ts) ON TRUE
----
SELECT 1 FROM requests q ASOF LEFT JOIN (SELECT listing, ts FROM bookings UNION ALL SELECT listing, ts FROM more_bookings) b MATCH_CONDITION (q.ts > b.ts) ON b.listing = q.listing
----
SELECT 1 FROM requests q ASOF LEFT JOIN (SELECT * FROM bookings INTERSECT SELECT * FROM bookings) b MATCH_CONDITION (q.ts > b.ts) ON b.listing = q.listing
----
SELECT 1 FROM requests q ASOF LEFT JOIN bookings AS b(id) MATCH_CONDITION (q.ts > b.ts) ON b.listing = q.listing
----
WITH b(id, place) AS (SELECT * FROM bookings) SELECT 1 FROM requests q ASOF LEFT JOIN b MATCH_CONDITION (q.ts > b.ts) ON b.listing = q.listing
----
SELECT 1 FROM requests q ASOF LEFT JOIN (SELECT * FROM listing_bookings) b MATCH_CONDITION (q.ts > b.event_time) ON b.listing = q.listing
