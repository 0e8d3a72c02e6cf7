SELECT * FROM stay_risk@
----
SELECT * FROM stay_risk @2
----
SELECT * FROM stay_risk@latest
----
SELECT * FROM stay_risk@1.5
----
SELECT * FROM stay_risk@1@2
----
CREATE FEATURE SET activity@2 AS SELECT COUNT(*) AS n FROM bookings
----
DROP FEATURE SET listing_bookings@1
----
SELECT @1 FROM bookings
