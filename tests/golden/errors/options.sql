CREATE EVENT SOURCE s (ts TIMESTAMP) EVENT TIME ts WITH batch = 'x'
----
CREATE EVENT SOURCE s (ts TIMESTAMP) EVENT TIME ts WITH (batch 'x')
----
CREATE EVENT SOURCE s (ts TIMESTAMP) EVENT TIME ts WITH (batch = x)
----
CREATE EVENT SOURCE s (ts TIMESTAMP) EVENT TIME ts WITH (tags = ['x', 'y')
----
CREATE EVENT SOURCE s (ts TIMESTAMP) EVENT TIME ts WITH (bach = 'x')
----
CREATE EVENT SOURCE s (ts TIMESTAMP) EVENT TIME ts WITH (batch = 'x', batch = 'y')
----
CREATE EVENT SOURCE s (ts TIMESTAMP) EVENT TIME ts WITH (batch = 7)
----
CREATE EVENT SOURCE s (ts TIMESTAMP) EVENT TIME ts WITH (partition_lag = '2 moons')
----
CREATE EVENT SOURCE s (ts TIMESTAMP) EVENT TIME ts WITH (tags = [1])
----
CREATE EVENT SOURCE s (ts TIMESTAMP) EVENT TIME ts WITH (cut = 'yes')
----
CREATE ENTITY SOURCE s (a BIGINT, ds DATE) PRIMARY KEY (a) CHANGED AT ds WITH (snapshot = 'x')
----
CREATE ENTITY SOURCE s (a BIGINT, ts TIMESTAMP) PRIMARY KEY (a) CHANGED AT source.ts_us WITH (snapshot = 'x', format = 'debezium-json')
----
CREATE ENTITY SOURCE s (a BIGINT, ts TIMESTAMP) PRIMARY KEY (a) STATIC WITH (snapshot = 'x')
----
CREATE ENTITY SOURCE s (a BIGINT, ts TIMESTAMP) PRIMARY KEY (a) STATIC WITH (op = 'a')
----
CREATE ENTITY SOURCE s (a BIGINT, ts TIMESTAMP) PRIMARY KEY (a) STATIC WITH (format = 'debezium-json')
----
CREATE ENTITY SOURCE s (a BIGINT, opp VARCHAR, ts TIMESTAMP) PRIMARY KEY (a) CHANGED AT ts WITH (op = 'op')
----
CREATE ENTITY SOURCE s (a BIGINT, op BIGINT, ts TIMESTAMP) PRIMARY KEY (a) CHANGED AT ts WITH (op = 'op')
----
CREATE ENTITY SOURCE s (a BIGINT, ts TIMESTAMP) PRIMARY KEY (a) CHANGED AT ts WITH (format = 'debezium')
----
CREATE EVENT SOURCE s (a BIGINT, ts TIMESTAMP) EVENT TIME ts WITH (batch = 's.parquet', stream = 'kafka://s');
CREATE FEATURE SET f WITH (online = true) AS SELECT COUNT(*) AS n FROM s
----
CREATE EVENT SOURCE s (a BIGINT, ts TIMESTAMP) EVENT TIME ts WITH (batch = 's.parquet', stream = 'kafka://s');
CREATE TRAINING SET t WITH (online = true) AS SELECT q.ts, b.n FROM requests q ASOF LEFT JOIN (SELECT a, COUNT(*) AS n FROM s GROUP BY a) b MATCH_CONDITION (q.ts > b.ts) ON b.a = q.listing
----
CREATE FEATURE SET f WITH (tail = '7m') AS SELECT COUNT(*) OVER (LAST '7d') AS n FROM bookings
