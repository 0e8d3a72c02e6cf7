CREATE FEATURE SET f AS
SELECT listing,
       SUM(n_nights) OVER w AS nights,
       AVG(price) FILTER (WHERE n_nights > 1) OVER (RANGE INTERVAL '30' DAY PRECEDING) AS long_stay_price,
       SUM(n_nights) BY room_type OVER (LAST '30d') AS nights_by_room,
       AVG(price) OVER (LAST 10 ROWS) AS recent_price,
       MAX(price) OVER (LAST '7d', 5 ROWS) AS top,
       COUNT(*) OVER (LAST '7d' LIMIT 100 ROWS) AS capped,
       LAST(price) AS last_price
FROM bookings
WHERE price > 0
GROUP BY listing
WINDOW w AS (LAST '7d', '1y')
----
CREATE FEATURE SET f AS
SELECT listing, SUM(price) OVER w / NULLIF(COUNT(*) OVER w, 0) AS mean,
       SUM(price) OVER w - SUM(price) OVER (LAST '1y') AS below,
       COUNT(*) OVER w AS n
FROM bookings GROUP BY listing WINDOW w AS (LAST '7d')
----
CREATE FEATURE SET f AS
SELECT TOP_K(price, 3) AS top, FIRST_K(room_type, 2) AS firsts, QUANTILE(price, 0.95) AS p95, MEDIAN(price) AS mid,
       COUNT(DISTINCT room_type) AS rooms, MIN_BY(room_type, price) AS cheapest, HISTOGRAM(room_type, 4) AS h,
       STDDEV(price) AS dev, BOOL_OR(n_nights > 7) AS long, COUNT(price) AS priced, COUNT(*) AS n
FROM bookings
----
CREATE FEATURE SET f WITH (tail = '1h', tags = ['a', 'b'], owner = 'homes') AS
SELECT listing, LOWER(room_type) AS room, COUNT(*) OVER (LAST '7d') AS n FROM bookings GROUP BY listing, room
----
CREATE FEATURE SET f AS SELECT host, room_type FROM listings WHERE host > 3 GROUP BY listing
----
CREATE FEATURE SET f AS SELECT * FROM bookings GROUP BY listing
----
CREATE FEATURE SET f AS SELECT x.listing, SUM(x.price) OVER (LAST '7d') AS p FROM bookings UNION ALL more_bookings AS x WHERE x.price > 0 GROUP BY 1
----
CREATE FEATURE SET f AS SELECT member, LAST(STRUCT(page.name, at)) AS page, COUNT(*) AS n FROM clicks GROUP BY member
----
CREATE TRAINING SET t ID (request_id) AS
SELECT q.request_id, q.ts, LABEL q.is_risky AS y, b.*, l.room_type, h.city, b.nights_7d / NULLIF(b.nights_30d, 0) AS burst
FROM requests AS q
ASOF LEFT JOIN listing_bookings AS b MATCH_CONDITION (q.ts - INTERVAL '2' HOUR > b.event_time) ON b.listing = q.listing
ASOF LEFT JOIN listings AS l MATCH_CONDITION (q.ts >= l.updated_at) ON l.listing = q.listing
LEFT JOIN hosts AS h ON h.host = l.host
ASOF INNER JOIN everywhere AS e MATCH_CONDITION (q.ts > e.event_time)
WHERE q.request_id > 10
----
CREATE TRAINING SET t AS
SELECT q.*, LABEL q.is_risky, s.p, z.price AS last_price
FROM (SELECT request_id, listing, is_risky, ts AS t FROM requests WHERE listing > 3) AS q
ASOF LEFT JOIN (SELECT listing, MAX(price) OVER (LAST '7d') AS p FROM bookings GROUP BY listing) AS s MATCH_CONDITION (q.t > s.ts) USING (listing)
ASOF LEFT JOIN bookings AS z MATCH_CONDITION (q.t > z.event_time) ON z.listing = q.listing AND z.price > 10 AND z.n_nights > q.request_id TOLERANCE INTERVAL '3' DAY
----
CREATE EVENT SOURCE s (at BIGINT, known DATE, k BIGINT, seq INTEGER)
  EVENT TIME at KNOWN AT known + INTERVAL '1' DAY UNIT 's' IDENTITY (k, seq) SEQUENCE seq SKIP NULL TIMES
  WITH (batch = 'x', partition_lag = '48h', tags = ['b', 'a'])
----
CREATE OR REPLACE ENTITY SOURCE s (k BIGINT, v STRUCT(a BIGINT, b VARCHAR[]), at DATE) PRIMARY KEY (k) CHANGED AT at SEQUENCE k
----
CREATE FEATURE SET f WITH (online = true) AS SELECT COUNT(*) AS n FROM bookings
----
CREATE EVENT SOURCE cut (ts TIMESTAMP) EVENT TIME ts WITH (batch = 'b', stream = 'kafka://s', cut = true, owner = 'x')
----
CREATE FEATURE SET f AS
SELECT listing, SKEWNESS(price) OVER w AS lean, KURTOSIS(price) OVER w AS tails, ARRAY_AGG(DISTINCT room_type, 3) OVER w AS rooms,
       APPROX_COUNT_DISTINCT(room_type) AS some, APPROX_QUANTILE(price, 0.9) BY room_type AS dear, APPROX_TOP_K(room_type, 2) AS often,
       DECAYED_SUM(price, '96h') OVER w AS recent, DECAYED_COUNT(INTERVAL '1' DAY) FILTER (WHERE price > 1) AS busy,
       SUM([price, n_nights]) OVER w AS both, AVG([price, n_nights]) OVER (LAST 5 ROWS) AS mean
FROM bookings GROUP BY listing WINDOW w AS (LAST '1d', '7d')
----
CREATE FEATURE SET later AS SELECT listing, SUM(n_nights) OVER (NEXT '7d', '30d') AS nights FROM bookings GROUP BY listing
----
CREATE OR REPLACE EVENT SOURCE clicks (member VARCHAR, at TIMESTAMP) EVENT TIME at WITH (complete = '3d'); CREATE TRAINING SET t ID (request_id) WITH (open_labels = 'drop') AS SELECT q.request_id, y.*, LABEL y.n_7d > 0 AS clicked, LABEL q.is_risky, b.nights_7d FROM requests q LABEL LEFT JOIN (SELECT CAST(member AS BIGINT) AS m, COUNT(*) OVER w AS n FROM clicks GROUP BY CAST(member AS BIGINT) WINDOW w AS (NEXT '7d', '30d')) AS y MATCH_CONDITION (y.at > q.ts) ON y.m = q.listing ASOF LEFT JOIN listing_bookings b MATCH_CONDITION (q.ts >= b.event_time) ON b.listing = q.listing
----
SELECT q.request_id, y.price > 3 AS dear FROM requests q LABEL LEFT JOIN bookings AS y MATCH_CONDITION (y.ts >= q.ts) ON y.listing = q.listing TOLERANCE INTERVAL '7' DAY
----
CREATE FEATURE SET f AS SELECT listing, AVG(nights_7d) OVER (LAST '30d') AS usual, COUNT(*) AS n FROM listing_bookings WHERE bookings_7d > 0 GROUP BY listing
----
CREATE FEATURE SET f AS SELECT request_id, LAST(nights_30d) AS n FROM stay_risk GROUP BY request_id
----
CREATE FEATURE SET both AS SELECT listing, COUNT(*) AS n FROM bookings UNION ALL more_bookings GROUP BY listing; CREATE FEATURE SET f AS SELECT listing, MAX(n) AS most FROM both GROUP BY listing
----
CREATE TRAINING SET early AS SELECT q.listing, b.last_price FROM requests q ASOF LEFT JOIN listing_bookings b MATCH_CONDITION (q.ts - INTERVAL '2' HOUR > b.event_time) ON b.listing = q.listing WHERE q.listing > 3; CREATE FEATURE SET f AS SELECT listing, MAX(last_price) AS most FROM early GROUP BY listing
----
SELECT q.request_id, b.most FROM requests q ASOF LEFT JOIN (SELECT listing, MAX(nights_7d) OVER (LAST '30d') AS most FROM listing_bookings GROUP BY listing) b MATCH_CONDITION (q.ts > b.event_time) ON b.listing = q.listing
----
CREATE FEATURE SET f AS SELECT h.city, SUM(n_nights) OVER (LAST '7d') AS nights, COUNT(*) FILTER (WHERE h.since > DATE '2020-01-01') AS n FROM bookings AS b LEFT JOIN hosts AS h ON h.host = b.listing WHERE b.price > 0 AND h.city <> 'x' GROUP BY h.city
----
CREATE EVENT SOURCE stays (host INTEGER, at TIMESTAMP) EVENT TIME at; CREATE FEATURE SET f AS SELECT * FROM stays INNER JOIN hosts USING (host) GROUP BY host
----
CREATE FEATURE SET f AS SELECT h.city, MAX(nights_7d) AS most FROM listing_bookings AS b INNER JOIN hosts AS h ON h.host = b.listing GROUP BY h.city
----
CREATE FEATURE SET f AS SELECT city, COUNT(*) AS n FROM bookings UNION ALL more_bookings AS b LEFT JOIN hosts AS h ON h.host = b.listing GROUP BY city
