SELECT q.*, b.nights_7d FROM requests q ASOF LEFT JOIN listing_bookings b MATCH_CONDITION (q.ts >= b.event_time) USING (listing) WHERE b.nights_7d > 3
----
SELECT * FROM requests q ASOF LEFT JOIN latest b MATCH_CONDITION (b.event_time < q.ts) USING (listing)
----
SELECT q.request_id, r.price, r.ts FROM requests q ASOF INNER JOIN bookings r ON q.listing = r.listing AND r.price > 10 AND q.ts > r.ts TOLERANCE INTERVAL '2' HOUR
----
SELECT q.request_id, r.price FROM requests q ASOF LEFT JOIN bookings r MATCH_CONDITION (q.ts <= r.ts) ON q.listing = r.listing
----
SELECT q.request_id, s.p FROM requests q ASOF LEFT JOIN (SELECT listing AS k, price * 2 AS p FROM bookings WHERE n_nights > 2) AS s MATCH_CONDITION (q.ts > s.ts) ON s.k = q.listing AND s.room_type = 'x'
----
SELECT q.request_id, s.price FROM requests q ASOF LEFT JOIN bookings AS s MATCH_CONDITION (q.ts > s.ts)
----
SELECT q.request_id, l.host FROM requests q ASOF LEFT JOIN (SELECT * FROM listings WHERE host > 3) l MATCH_CONDITION (q.ts >= l.event_time) ON l.listing = q.listing AND l.host < q.request_id
----
SELECT u.price, x.request_id FROM requests x ASOF LEFT JOIN bookings UNION ALL more_bookings AS u MATCH_CONDITION (x.ts > u.event_time) ON u.listing = x.listing
----
SELECT c.member, d.page.name FROM clicks c ASOF LEFT JOIN clicks d MATCH_CONDITION (c.at > d.at) ON c.member = d.member
----
SELECT * FROM listing_bookings AS OF TIMESTAMP '2024-01-01'
----
SELECT * FROM everywhere AS OF '2024-01-01' AS e
----
SELECT z.n FROM (SELECT listing, COUNT(*) AS n FROM bookings GROUP BY listing) AS OF TIMESTAMP '2024-01-01' AS z WHERE z.listing = 3
----
SELECT * FROM stay_risk WHERE nights_7d > 3
----
SELECT a.listing, b.city FROM listings a JOIN hosts b ON a.host = b.host
----
SELECT a.listing, b.city, q.request_id FROM requests q JOIN listings a USING (listing) LEFT JOIN hosts b ON a.host = b.host AND b.city > 'x'
----
SELECT q.request_id, r.price FROM requests q JOIN listings l ON l.listing = q.listing ASOF LEFT JOIN bookings r MATCH_CONDITION (q.ts > r.ts) ON r.listing = l.listing
----
WITH dear AS (SELECT * FROM bookings WHERE price > 100), sums AS (SELECT listing, SUM(price) OVER (LAST '7d') AS p FROM bookings GROUP BY listing)
SELECT q.request_id, d.price, s.p FROM requests q
ASOF LEFT JOIN dear AS d MATCH_CONDITION (q.ts > d.event_time) ON d.listing = q.listing
ASOF LEFT JOIN sums AS s MATCH_CONDITION (q.ts > s.event_time) ON s.listing = q.listing
----
WITH sums AS (SELECT listing, SUM(price) OVER (LAST '7d') AS p FROM bookings GROUP BY listing) SELECT * FROM sums AS OF TIMESTAMP '2024-01-01'
----
SELECT q.request_id, l.room_type FROM requests q ASOF LEFT JOIN listings l MATCH_CONDITION (q.ts > l.updated_at) ON l.host = q.listing
----
SELECT q.request_id, l.room_type FROM requests q ASOF LEFT JOIN listings l MATCH_CONDITION (q.ts > l.updated_at) ON l.host = q.request_id AND l.listing = q.listing
----
SELECT q.request_id, l.room_type FROM requests q ASOF LEFT JOIN listings l MATCH_CONDITION (q.ts >= l.updated_at) TOLERANCE INTERVAL '0' DAY
----
SELECT q.request_id, p.note FROM requests q ASOF LEFT JOIN plain p MATCH_CONDITION (q.ts >= p.at) ON p.a = q.listing
----
SELECT q.request_id, p.note FROM requests q ASOF LEFT JOIN plain p MATCH_CONDITION (p.day > q.ts) ON p.a = q.listing AND p.note <> 'x'
----
SELECT c.member, p.note FROM clicks c ASOF INNER JOIN plain p MATCH_CONDITION (c.at >= p.a)
----
SELECT v.n, p.note FROM (VALUES (5)) v(n) ASOF INNER JOIN plain p MATCH_CONDITION (v.n >= p.a)
----
SELECT q.request_id, v.x FROM requests q ASOF LEFT JOIN (VALUES (1, DATE '2024-01-01')) v(x, since) MATCH_CONDITION (q.ts >= v.since)
----
WITH plain AS (SELECT a, MAX(at) AS latest FROM plain GROUP BY a)
SELECT q.request_id, p.latest FROM requests q ASOF LEFT JOIN plain p MATCH_CONDITION (q.ts >= p.latest) ON p.a = q.listing
----
SELECT q.request_id, u.a FROM requests q
ASOF LEFT JOIN (SELECT a, at FROM plain UNION ALL SELECT request_id, ts FROM stay_risk) u MATCH_CONDITION (q.ts >= u.at) ON u.a = q.listing
----
SELECT q.request_id, c.page FROM requests q
ASOF LEFT JOIN (SELECT * FROM clicks WHERE member <> '' UNION ALL SELECT * FROM clicks x WHERE x.seq > 2) c MATCH_CONDITION (q.ts > c.at)
----
SELECT b.listing, b.* FROM requests q ASOF LEFT JOIN listing_bookings b MATCH_CONDITION (q.ts > b.event_time) ON b.listing = q.listing
----
SELECT q.request_id FROM requests q ASOF INNER JOIN (
  SELECT listing, price, room_type FROM bookings GROUP BY listing
) b MATCH_CONDITION (q.ts > b.event_time) ON b.listing = q.listing WHERE b.listing > 3
