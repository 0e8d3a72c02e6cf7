CREATE TRAINING SET t AS SELECT 1 AS x
----
CREATE TRAINING SET t AS SELECT request_id FROM requests UNION SELECT listing FROM requests
----
CREATE TRAINING SET t AS SELECT q.request_id FROM request q
----
CREATE TRAINING SET t AS SELECT b.nights_7d FROM listing_bookings b
----
CREATE TRAINING SET t AS SELECT x.listing FROM (SELECT listing FROM requests)
----
CREATE TRAINING SET t AS SELECT x.listing FROM (SELECT listing, COUNT(*) AS n FROM requests GROUP BY listing) AS x
----
CREATE TRAINING SET t AS SELECT q.request_id FROM requests q ORDER BY 1
----
CREATE TRAINING SET t AS SELECT COUNT(*) AS n FROM requests q GROUP BY listing
----
CREATE TRAINING SET t AS SELECT COUNT(*) AS n FROM requests q
----
CREATE TRAINING SET t AS SELECT q.listing + 1 FROM requests q
----
CREATE TRAINING SET t AS SELECT q.listing, q.request_id AS listing FROM requests q
----
CREATE TRAINING SET t ID (request) AS SELECT q.request_id FROM requests q
----
CREATE TRAINING SET t AS SELECT q.request_id FROM requests q WHERE b.nights_7d > 1
----
CREATE TRAINING SET t AS SELECT LABEL q.request_id + 1 AS x FROM requests q
----
CREATE TRAINING SET t AS SELECT LABEL q.is_risky, NOT q.is_risky AS safe FROM requests q
----
CREATE TRAINING SET t AS SELECT LABEL b.nights_7d FROM requests q ASOF LEFT JOIN listing_bookings b MATCH_CONDITION (q.ts > b.event_time) ON b.listing = q.listing
----
CREATE TRAINING SET t AS SELECT LABEL q.listing FROM requests q ASOF LEFT JOIN listing_bookings b MATCH_CONDITION (q.ts > b.event_time) ON b.listing = q.listing
----
CREATE TRAINING SET t AS SELECT y.price + 1 AS p FROM requests q LABEL LEFT JOIN bookings AS y MATCH_CONDITION (y.ts >= q.ts) ON y.listing = q.listing
----
CREATE TRAINING SET t AS SELECT q.request_id FROM requests q ASOF LEFT JOIN bookings b MATCH_CONDITION (q.ts < b.ts) ON b.listing = q.listing
----
CREATE TRAINING SET t AS SELECT q.request_id FROM requests q ASOF LEFT JOIN bookings b MATCH_CONDITION (q.ts > b.ts)
----
CREATE TRAINING SET t AS SELECT q.request_id FROM requests q LEFT JOIN listings l ON l.listing = q.listing
----
CREATE TRAINING SET t AS SELECT q.request_id FROM requests q FULL JOIN hosts h ON h.host = q.listing
----
CREATE TRAINING SET t AS SELECT q.request_id FROM requests q LEFT JOIN hosts h ON h.city = 'x'
----
CREATE TRAINING SET t AS SELECT q.request_id FROM requests q LEFT JOIN hosts q ON q.host = q.listing
----
CREATE TRAINING SET t AS SELECT q.request_id FROM requests q ASOF LEFT JOIN latest b MATCH_CONDITION (q.ts > b.event_time) ON b.price = q.listing
----
CREATE TRAINING SET t AS SELECT q.listing FROM requests q WHERE SUM(q.listing) > 1
----
CREATE TRAINING SET t AS SELECT q.listing FROM requests q WHERE COUNT(*) OVER (LAST '7d') > 1
----
CREATE TRAINING SET t AS SELECT q.listing FROM (VALUES (1)) AS q(listing)
----
CREATE TRAINING SET t AS SELECT q.listing FROM (SELECT listing + 1 FROM requests) AS q
----
CREATE TRAINING SET t AS SELECT q.listing FROM (SELECT listing, request_id AS listing FROM requests) AS q
----
CREATE TRAINING SET t AS SELECT q.* REPLACE (1 AS listing) FROM requests q
----
CREATE TRAINING SET t AS SELECT q.id FROM requests AS q(id)
----
CREATE TRAINING SET t AS SELECT q.request_id, LABEL q.listing + y.n FROM requests q LABEL LEFT JOIN (SELECT listing, COUNT(*) OVER (NEXT '7d') AS n FROM bookings GROUP BY listing) AS y MATCH_CONDITION (y.ts >= q.ts) ON y.listing = q.listing
----
CREATE TRAINING SET t WITH (open_labels = 'drop') AS SELECT q.request_id, y.n FROM requests q LABEL LEFT JOIN (SELECT listing, COUNT(*) OVER (NEXT '7d') AS n FROM bookings GROUP BY listing) AS y MATCH_CONDITION (y.ts >= q.ts) ON y.listing = q.listing
----
CREATE TRAINING SET t WITH (open_labels = 'mark') AS SELECT q.request_id, LABEL q.is_risky FROM requests q
----
CREATE TRAINING SET t WITH (open_labels = 'closed') AS SELECT q.request_id, y.n FROM requests q LABEL LEFT JOIN (SELECT listing, COUNT(*) OVER (NEXT '7d') AS n FROM bookings GROUP BY listing) AS y MATCH_CONDITION (y.ts >= q.ts) ON y.listing = q.listing
----
CREATE TRAINING SET t AS SELECT q.request_id, y.n FROM requests q LABEL LEFT JOIN (SELECT listing, COUNT(*) OVER (NEXT '7d') AS n FROM bookings GROUP BY listing) AS y MATCH_CONDITION (q.ts > y.ts) ON y.listing = q.listing
----
CREATE TRAINING SET t AS SELECT q.request_id, y.n FROM requests q LABEL INNER JOIN (SELECT listing, COUNT(*) OVER (NEXT '7d') AS n FROM bookings GROUP BY listing) AS y MATCH_CONDITION (y.ts >= q.ts) ON y.listing = q.listing
----
CREATE TRAINING SET t AS SELECT q.request_id, y.n FROM requests q LABEL LEFT JOIN (SELECT listing, COUNT(*) OVER (LAST '7d') AS n FROM bookings GROUP BY listing) AS y MATCH_CONDITION (y.ts >= q.ts) ON y.listing = q.listing
----
CREATE TRAINING SET t AS SELECT q.request_id, y.nights_7d FROM requests q LABEL LEFT JOIN listing_bookings AS y MATCH_CONDITION (y.event_time >= q.ts) ON y.listing = q.listing
----
CREATE TRAINING SET t AS SELECT q.request_id, y.price FROM requests q LABEL LEFT JOIN latest AS y MATCH_CONDITION (y.event_time >= q.ts) ON y.listing = q.listing
----
CREATE TRAINING SET t AS SELECT q.request_id, y.room_type FROM requests q LABEL LEFT JOIN listings AS y MATCH_CONDITION (y.updated_at >= q.ts) ON y.listing = q.listing
----
CREATE TRAINING SET t AS SELECT q.request_id, y.n FROM requests q ASOF LEFT JOIN (SELECT listing, COUNT(*) OVER (NEXT '7d') AS n FROM bookings GROUP BY listing) AS y MATCH_CONDITION (q.ts > y.ts) ON y.listing = q.listing
----
CREATE TRAINING SET t AS SELECT q.request_id, y.n, b.nights_7d FROM requests q LABEL LEFT JOIN (SELECT listing, COUNT(*) OVER (NEXT '7d') AS n FROM bookings GROUP BY listing) AS y MATCH_CONDITION (y.ts >= q.ts) ON y.listing = q.listing ASOF LEFT JOIN listing_bookings b MATCH_CONDITION (q.ts >= b.event_time) ON b.listing = q.listing
----
CREATE TRAINING SET t AS SELECT q.request_id, y.n, b.nights_7d FROM requests q ASOF LEFT JOIN listing_bookings b MATCH_CONDITION (q.ts >= b.event_time) ON b.listing = q.listing LABEL LEFT JOIN (SELECT listing, COUNT(*) OVER (NEXT '7d') AS n FROM bookings GROUP BY listing) AS y MATCH_CONDITION (y.ts >= q.ts) ON y.listing = q.listing
----
CREATE TRAINING SET t AS SELECT q.request_id, y.n, b.nights_7d FROM requests q LABEL LEFT JOIN (SELECT listing, COUNT(*) OVER (NEXT '7d') AS n FROM bookings GROUP BY listing) AS y MATCH_CONDITION (y.ts >= q.ts) ON y.listing = q.listing ASOF LEFT JOIN listing_bookings b MATCH_CONDITION (q.ts > b.event_time) ON b.listing = y.n
----
CREATE TRAINING SET t AS SELECT r.request_id, r.is_risky FROM stay_risk AS r
----
CREATE TRAINING SET t AS
WITH asked AS (SELECT request_id FROM requests), other AS (SELECT * FROM requests)
SELECT a.request_id FROM asked AS a
----
CREATE TRAINING SET t AS
WITH b AS (SELECT listing, price FROM bookings)
SELECT q.request_id, b.room_type FROM requests q ASOF LEFT JOIN b MATCH_CONDITION (q.ts > b.event_time) ON b.listing = q.listing
----
CREATE TRAINING SET t AS
WITH b AS (SELECT listing, ts AS at FROM bookings)
SELECT q.request_id FROM requests q ASOF LEFT JOIN b MATCH_CONDITION (q.ts > b.time) ON b.listing = q.listing
----
CREATE TRAINING SET t AS SELECT q.listing FROM requests UNION ALL bookings AS q
----
CREATE TRAINING SET t AS SELECT q.listing FROM requests UNION ALL listing_bookings AS q
----
CREATE TRAINING SET t AS SELECT q.listing FROM (SELECT listing FROM requests UNION SELECT listing FROM bookings) AS q
----
CREATE TRAINING SET t AS SELECT q.listing FROM (SELECT listing FROM requests EXCEPT SELECT listing FROM bookings) AS q
----
CREATE TRAINING SET t AS SELECT q.listing FROM (SELECT listing, ts FROM requests UNION ALL SELECT listing FROM bookings) AS q
----
CREATE TRAINING SET t AS SELECT q.listing FROM (SELECT listing, ts FROM requests UNION ALL SELECT ts, listing FROM bookings) AS q
----
CREATE TRAINING SET t AS SELECT q.listing FROM (SELECT listing FROM requests UNION ALL SELECT listing FROM bookings GROUP BY listing) AS q
----
CREATE TRAINING SET t AS SELECT q.listing, LABEL q.is_risky AS y, q.is_risky FROM (
  SELECT listing, is_risky FROM requests UNION ALL SELECT listing, TRUE FROM bookings
) AS q
----
CREATE TRAINING SET u AS SELECT q.listing, q.ts FROM requests UNION ALL requests AS q;
CREATE FEATURE SET f AS SELECT listing, COUNT(*) AS n FROM u GROUP BY listing
