-- For each request, what was known of its listing just before it was made.
CREATE TRAINING SET stay_risk ID (request_id) WITH (owner = 'trust', online = true) AS
SELECT q.request_id,
       q.ts,
       LABEL q.is_risky,
       b.*,
       l.city,
       l.bedrooms,
       b.nights_7d / NULLIF(b.nights_30d, 0) AS burst
FROM requests AS q
ASOF LEFT JOIN listing_bookings AS b MATCH_CONDITION (q.ts > b.event_time) ON b.listing = q.listing
LEFT JOIN listings AS l ON l.listing = q.listing;
