-- The US flights that left New York's airports in 2013, the weather there, and the aircraft.

-- A flight happens at its scheduled departure; what became of it is known when it has landed.
-- A flight that was cancelled or diverted has no air time: it is never known.
CREATE OR REPLACE EVENT SOURCE flights (
  flight_id BIGINT,
  carrier VARCHAR,
  flight BIGINT,
  tailnum VARCHAR,
  origin VARCHAR,
  dest VARCHAR,
  distance BIGINT,
  time_hour TIMESTAMPTZ,
  minute BIGINT,
  dep_delay DOUBLE,
  arr_delay DOUBLE,
  air_time DOUBLE
)
EVENT TIME time_hour + minute * INTERVAL '1' MINUTE
KNOWN AT time_hour + (minute + dep_delay + air_time) * INTERVAL '1' MINUTE
IDENTITY (flight_id)
WITH (batch = 'flights.parquet', owner = 'examples', description = 'Flights from New York, 2013');

-- Hourly readings at the airports.
CREATE OR REPLACE EVENT SOURCE weather (
  origin VARCHAR,
  time_hour TIMESTAMPTZ,
  temp DOUBLE,
  dewp DOUBLE,
  humid DOUBLE,
  wind_dir DOUBLE,
  wind_speed DOUBLE,
  wind_gust DOUBLE,
  precip DOUBLE,
  pressure DOUBLE,
  visib DOUBLE
)
EVENT TIME time_hour
IDENTITY (origin, time_hour)
WITH (batch = 'weather.parquet', owner = 'examples', description = 'Hourly weather at the airports');

-- The aircraft register; it has no history.
CREATE OR REPLACE ENTITY SOURCE planes (
  tailnum VARCHAR,
  year BIGINT,
  manufacturer VARCHAR,
  engines BIGINT,
  seats BIGINT
)
PRIMARY KEY (tailnum) STATIC
WITH (batch = 'planes.parquet', owner = 'examples', description = 'Aircraft by tail number');
