-- For each flight, what was known two hours before its scheduled departure.

CREATE OR REPLACE TRAINING SET flight_delays ID (flight_id)
WITH (owner = 'examples', description = 'How late will this flight arrive?', online = true) AS
SELECT q.flight_id,
       q.sched,
       LABEL q.arr_delay,
       q.carrier,
       q.origin,
       q.distance,
       EXTRACT(HOUR FROM q.sched)                            AS sched_hour,
       EXTRACT(ISODOW FROM q.sched)                          AS weekday,
       c.*,
       o.*,
       r.*,
       a.*,
       w.*,
       n.temp,
       n.humid,
       n.wind_speed,
       n.visib,
       2013 - p.year                                         AS aircraft_age,
       p.seats,
       o.origin_dep_delay_3h - o.origin_dep_delay_7d         AS origin_trend
FROM (
  SELECT *, time_hour + minute * INTERVAL '1' MINUTE AS sched
  FROM flights
) AS q
ASOF LEFT JOIN carrier_delays  AS c MATCH_CONDITION (q.sched - INTERVAL '2' HOUR > c.event_time) ON c.carrier = q.carrier
ASOF LEFT JOIN origin_delays   AS o MATCH_CONDITION (q.sched - INTERVAL '2' HOUR > o.event_time) ON o.origin = q.origin
ASOF LEFT JOIN route_delays    AS r MATCH_CONDITION (q.sched - INTERVAL '2' HOUR > r.event_time) ON r.origin = q.origin AND r.dest = q.dest
ASOF LEFT JOIN aircraft_delays AS a MATCH_CONDITION (q.sched - INTERVAL '2' HOUR > a.event_time) ON a.tailnum = q.tailnum
ASOF LEFT JOIN origin_weather  AS w MATCH_CONDITION (q.sched - INTERVAL '2' HOUR > w.event_time) ON w.origin = q.origin
ASOF LEFT JOIN weather         AS n MATCH_CONDITION (q.sched - INTERVAL '2' HOUR > n.time_hour)  ON n.origin = q.origin
LEFT JOIN planes               AS p ON p.tailnum = q.tailnum;
