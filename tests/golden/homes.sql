-- The definitions that the tests of the dialect share.
CREATE EVENT SOURCE bookings (
  booking_id BIGINT, listing BIGINT, room_type VARCHAR, n_nights INTEGER, price DOUBLE, ts TIMESTAMP, loaded_at TIMESTAMP
) EVENT TIME ts KNOWN AT loaded_at IDENTITY (booking_id)
  WITH (batch = 'warehouse/bookings/*.parquet', owner = 'homes');

CREATE EVENT SOURCE more_bookings (
  listing INTEGER, booking_id BIGINT, room_type VARCHAR, n_nights INTEGER, price DOUBLE, ts TIMESTAMP, loaded_at TIMESTAMP
) EVENT TIME ts;

CREATE EVENT SOURCE requests (request_id BIGINT, listing BIGINT, is_risky BOOLEAN, ts TIMESTAMP) EVENT TIME ts;

CREATE EVENT SOURCE clicks (member VARCHAR, at BIGINT, seq INTEGER, page STRUCT(name VARCHAR, depth INTEGER))
  EVENT TIME at UNIT 'ms' SEQUENCE seq;

CREATE EVENT SOURCE renamed (event_time TIMESTAMP, happened TIMESTAMP, listing BIGINT) EVENT TIME happened;

CREATE ENTITY SOURCE listings (listing BIGINT, host BIGINT, room_type VARCHAR, updated_at TIMESTAMP)
  PRIMARY KEY (listing) CHANGED AT updated_at;

CREATE ENTITY SOURCE hosts (host INTEGER, city VARCHAR, since DATE) PRIMARY KEY (host) STATIC;

CREATE FEATURE SET listing_bookings WITH (owner = 'homes') AS
SELECT listing, SUM(n_nights) OVER w AS nights, COUNT(*) OVER w AS bookings, LAST(price) AS last_price
FROM bookings
WHERE price > 0
GROUP BY listing
WINDOW w AS (LAST '7d', '30d');

CREATE FEATURE SET everywhere AS SELECT COUNT(*) OVER (LAST '1d') AS bookings FROM bookings;

CREATE FEATURE SET latest AS SELECT listing, price, room_type FROM bookings GROUP BY listing;

CREATE TRAINING SET stay_risk ID (request_id) AS
SELECT q.request_id, q.ts, LABEL q.is_risky, b.*
FROM requests AS q
ASOF LEFT JOIN listing_bookings AS b MATCH_CONDITION (q.ts > b.event_time) ON b.listing = q.listing;
