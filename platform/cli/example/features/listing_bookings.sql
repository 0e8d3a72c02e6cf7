-- How much a listing was booked. Windows are exact to the microsecond: [t - 7d, t).
CREATE FEATURE SET listing_bookings
  WITH (description = 'Booking activity of a listing', owner = 'homes', online = true)
AS
SELECT listing,
       SUM(n_nights) OVER w                                     AS nights,
       COUNT(*) OVER w                                          AS bookings,
       AVG(price) FILTER (WHERE n_nights > 1) OVER (LAST '30d') AS long_stay_price,
       SUM(n_nights) BY room_type OVER (LAST '30d')             AS nights_by_room,
       LAST(price)                                              AS last_price
FROM bookings
WHERE price > 0
GROUP BY listing
WINDOW w AS (LAST '1d', '7d', '30d');
