SELECT listing, ts FROM requests WHERE listing BETWEEN 1 AND 3 AND is_risky IS NOT TRUE
----
SELECT 1 + 2 AS x, 'a'
----
SELECT listing, COUNT(*), SUM(n_nights) AS n, AVG(n_nights) / 2 AS a FROM bookings WHERE price > 1 GROUP BY listing HAVING SUM(n_nights) > 3 ORDER BY n DESC, listing LIMIT 3 OFFSET 1
----
SELECT CASE WHEN listing > 3 THEN 'a' ELSE 'b' END AS c, COUNT(DISTINCT room_type) FILTER (WHERE price > 2) FROM bookings GROUP BY c
----
SELECT listing, room_type, GROUPING(listing), MAX(price) FROM bookings GROUP BY ROLLUP (listing, room_type)
----
SELECT request_id, ROW_NUMBER() OVER (PARTITION BY listing ORDER BY ts DESC) AS n, SUM(listing) OVER w AS s FROM requests WINDOW w AS (ORDER BY ts ROWS BETWEEN 2 PRECEDING AND CURRENT ROW)
----
SELECT request_id FROM requests QUALIFY ROW_NUMBER() OVER (PARTITION BY listing ORDER BY ts DESC) = 1
----
SELECT listing, RANK() OVER (ORDER BY SUM(price) DESC) AS r FROM bookings GROUP BY listing
----
SELECT DISTINCT listing FROM requests ORDER BY listing
----
SELECT DISTINCT listing, ts FROM requests
----
SELECT listing FROM requests UNION SELECT host FROM hosts ORDER BY 1 LIMIT 2
----
SELECT listing FROM requests UNION ALL SELECT host FROM hosts
----
SELECT request_id, request_id FROM requests
----
SELECT * FROM (SELECT request_id, request_id FROM requests) x
----
SELECT a.listing, b.price FROM listings a LEFT JOIN bookings b ON a.listing = b.listing AND b.price > 3 WHERE a.host = 4
----
WITH x AS (SELECT listing, MAX(price) AS m FROM bookings GROUP BY listing) SELECT x.m, y.host FROM x JOIN listings y ON x.listing = y.listing WHERE y.host IN (SELECT host FROM hosts)
----
SELECT (SELECT MAX(price) FROM bookings) AS m, request_id FROM requests WHERE EXISTS (SELECT 1 FROM hosts)
----
SELECT * FROM bookings UNION ALL more_bookings AS u WHERE u.price > 2
----
SELECT t.x + 1 AS x, t.y FROM (VALUES (1, 'a'), (2, 'b')) AS t(x, y)
----
SELECT TO_HEX(listing + 1) AS h FROM requests
----
SELECT request_id FROM requests q WHERE EXISTS (SELECT 1 FROM bookings b WHERE b.listing = q.listing AND b.ts < q.ts AND b.price > 3)
----
SELECT request_id, (SELECT COUNT(*) FROM bookings b WHERE b.listing = q.listing) AS n FROM requests q WHERE q.listing IN (SELECT listing FROM listings)
----
SELECT listing, COUNT(*) AS n FROM bookings GROUP BY listing HAVING n > 20 ORDER BY n + 1
