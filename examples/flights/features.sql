-- How late carriers, airports, routes and aircraft have been of late, and the weather before departure.

CREATE OR REPLACE FEATURE SET carrier_delays WITH (owner = 'examples', description = 'Delays of a carrier') AS
SELECT carrier,
       COUNT(*)       OVER w AS carrier_flights,
       AVG(arr_delay) OVER w AS carrier_arr_delay,
       AVG(CASE WHEN arr_delay >= 15 THEN 1 ELSE 0 END) OVER (LAST '1d', '7d') AS carrier_late_share
FROM flights
GROUP BY carrier
WINDOW w AS (LAST '6h', '1d', '7d', '90d');

CREATE OR REPLACE FEATURE SET origin_delays WITH (owner = 'examples', description = 'Delays at an airport of departure') AS
SELECT origin,
       COUNT(*)          OVER w              AS origin_flights,
       AVG(dep_delay)    OVER w              AS origin_dep_delay,
       MAX(dep_delay)    OVER (LAST '6h')    AS origin_worst_dep_delay,
       STDDEV(dep_delay) OVER (LAST '1d')    AS origin_dep_delay_spread,
       AVG(dep_delay)    OVER (LAST 20 ROWS) AS origin_recent_dep_delay,
       COUNT(*) FILTER (WHERE arr_delay >= 60) OVER (LAST '6h') AS origin_very_late
FROM flights
GROUP BY origin
WINDOW w AS (LAST '1h', '3h', '6h', '1d', '7d');

CREATE OR REPLACE FEATURE SET route_delays WITH (owner = 'examples', description = 'Delays between two airports') AS
SELECT origin,
       dest,
       COUNT(*)          OVER w            AS route_flights,
       AVG(arr_delay)    OVER w            AS route_arr_delay,
       MEDIAN(arr_delay) OVER (LAST '30d') AS route_typical_arr_delay,
       AVG(air_time)     OVER (LAST '30d') AS route_air_time,
       LAST(arr_delay)                     AS route_last_arr_delay
FROM flights
GROUP BY origin, dest
WINDOW w AS (LAST '1d', '7d', '30d', '90d');

CREATE OR REPLACE FEATURE SET aircraft_delays WITH (owner = 'examples', description = 'Delays of one aircraft') AS
SELECT tailnum,
       COUNT(*)       OVER w           AS aircraft_flights,
       AVG(arr_delay) OVER w           AS aircraft_arr_delay,
       SUM(air_time)  OVER (LAST '7d') AS aircraft_minutes_flown,
       LAST(arr_delay)                 AS aircraft_last_arr_delay
FROM flights
GROUP BY tailnum
WINDOW w AS (LAST '1d', '7d', '30d', '90d');

CREATE OR REPLACE FEATURE SET origin_weather WITH (owner = 'examples', description = 'Weather at an airport') AS
SELECT origin,
       SUM(precip)    OVER (LAST '6h') AS rain,
       MAX(wind_gust) OVER (LAST '6h') AS gust,
       MIN(visib)     OVER (LAST '6h') AS least_visibility,
       AVG(pressure)  OVER (LAST '1d') AS mean_pressure
FROM weather
GROUP BY origin;
