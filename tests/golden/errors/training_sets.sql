CREATE TRAINING SET t AS SELECT 1 AS x
----
CREATE TRAINING SET t AS SELECT request_id FROM requests UNION SELECT listing FROM requests
----
CREATE TRAINING SET t AS SELECT q.request_id FROM request q
----
CREATE TRAINING SET t AS SELECT b.nights_7d FROM listing_bookings b
----
CREATE TRAINING SET t AS SELECT x.listing FROM bookings UNION ALL more_bookings AS x
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
CREATE TRAINING SET t AS SELECT LABEL q.is_risky + 1 AS x FROM requests q
----
CREATE TRAINING SET t AS SELECT LABEL q.is_risky, NOT q.is_risky AS safe FROM requests q
----
CREATE TRAINING SET t AS SELECT LABEL b.nights_7d FROM requests q ASOF LEFT JOIN listing_bookings b MATCH_CONDITION (q.ts > b.event_time) ON b.listing = q.listing
----
CREATE TRAINING SET t AS SELECT LABEL q.listing FROM requests q ASOF LEFT JOIN listing_bookings b MATCH_CONDITION (q.ts > b.event_time) ON b.listing = q.listing
----
CREATE TRAINING SET t AS SELECT q.request_id FROM requests q LABEL LEFT JOIN bookings AS y MATCH_CONDITION (y.ts >= q.ts) ON y.listing = q.listing
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
