SELECT * FROM requests q ASOF JOIN bookings b ON q.listing = b.listing AND q.ts >= b.ts
----
SELECT * FROM requests q ASOF RIGHT JOIN bookings b MATCH_CONDITION (q.ts > b.ts)
----
SELECT * FROM requests q ASOF LEFT bookings b MATCH_CONDITION (q.ts > b.ts)
----
SELECT * FROM requests q ASOF LEFT JOIN
----
SELECT * FROM requests q ASOF LEFT JOIN bookings b
----
SELECT * FROM requests q ASOF LEFT JOIN bookings b ON q.listing = b.listing
----
SELECT * FROM requests q ASOF LEFT JOIN bookings b ON q.listing = b.listing AND q.ts >= b.ts AND q.listing > b.n_nights
----
SELECT * FROM requests q ASOF LEFT JOIN bookings b USING (listing, ts)
----
SELECT * FROM listing_bookings FOR SYSTEM_TIME AS OF TIMESTAMP '2024-01-01'
----
SELECT * FROM requests q FULL JOIN listings FOR SYSTEM_TIME AS OF q.ts AS l ON l.listing = q.listing
----
SELECT * FROM requests q LEFT JOIN listings FOR SYSTEM_TIME FROM 1 TO 2 AS l ON l.listing = q.listing
----
SELECT * FROM requests q ASOF LEFT JOIN bookings b MATCH_CONDITION (q.ts > b.ts) ON q.listing = b.listing TOLERANCE 5
----
SELECT * FROM requests q ASOF LEFT JOIN bookings b MATCH_CONDITION (q.ts > b.ts) ON q.listing = b.listing TOLERANCE INTERVAL '1' MONTH
