-- Each booking of a listing. A booking is known when it was loaded, some minutes after it happened:
-- a feature as of t sees only what was known before t. 'bighead up' also takes what is appended to
-- files of the stream, a JSON object a line.
CREATE EVENT SOURCE bookings (
  booking_id BIGINT,
  listing    BIGINT,
  room_type  VARCHAR,
  n_nights   INTEGER,
  price      DOUBLE,
  ts         TIMESTAMP,
  loaded_at  TIMESTAMP
) EVENT TIME ts KNOWN AT loaded_at IDENTITY (booking_id)
  WITH (
    batch = 'data/bookings.csv',
    stream = 'data/bookings/*.jsonl',
    description = 'Bookings of all listings',
    owner = 'homes'
  );

-- The spine: each request to stay, and whether it turned out to be risky.
CREATE EVENT SOURCE requests (request_id BIGINT, listing BIGINT, is_risky BOOLEAN, ts TIMESTAMP)
  EVENT TIME ts
  WITH (batch = 'data/requests.csv', description = 'Requests to stay', owner = 'trust');

-- What does not change about a listing.
CREATE ENTITY SOURCE listings (listing BIGINT, city VARCHAR, bedrooms INTEGER)
  PRIMARY KEY (listing) STATIC
  WITH (batch = 'data/listings.csv', description = 'All listings', owner = 'homes');
