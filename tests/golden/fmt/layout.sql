-- What a user typed, in all the ways that users type.
create event source bookings (booking_id int8, listing bigint, room_type text, n_nights int, price double precision, ts timestamp, loaded_at timestamp)
 identity (booking_id) known at loaded_at event time ts   -- clauses come in any order
with (batch='warehouse/bookings/*.parquet',stream='kafka://bookings',format='json',owner='homes',tags=['a','b'],cut=TRUE);

/* Two lines
   about listings. */
create or replace entity source listings (listing bigint, host bigint) static primary key (listing);

create feature set listing_bookings with (owner='homes',
  tail = '60m') as
select listing, sum(n_nights) over w as nights, -- nights_7d, nights_14d
  avg(price) filter (where n_nights>1) over (range interval '30' day preceding) as long_stay_price,
  sum(n_nights) filter (n_nights > 2) by room_type over (last '4w') nights_by_room, -- bucketed
  avg(price) over (last 10 rows), -- newest
  last(price) over (last '7d' limit 100 rows) as capped,
  -- all history
  last(price) as last_price,
  max_by(price, n_nights) over w /* the best */ / nullif(count(*) over w, 0) as ratio
from bookings where price>0 and room_type <> 'it''s' group by listing
window w as (last '168h','14d','365d'), v as (last 5 rows);

create training set stay_risk id (request_id) as
select q.request_id,q.ts,label q.is_risky,b.*,l.room_type,b.nights_7d/nullif(b.nights_30d,0) as burst
from requests q
left asof join listing_bookings b on b.listing = q.listing and b.event_time < q.ts   -- the time in ON
asof left outer join listings l match_condition (q.ts > l.updated_at) on l.listing = q.listing tolerance interval '3' days
left join hosts h on h.host = l.host
where q.request_id > 10;

with a as (select listing, max(price) as m from bookings group by 1), b(x) as (select 1)
select distinct a.m::int as m, case when a.m is not null and not a.m in (1,2) then 'x' else 'y' end as c, (select max(price) from bookings where ts > timestamp '2024-01-01' and room_type like 'x%' escape '!') as top, cast("Odd Name" as decimal(10,2)) d,
 row_number() over (partition by a.listing order by a.m desc nulls first rows between 1 preceding and current row) n, 'two
lines' as t
from a, b cross join c inner join d using (k) left outer join (select x.y, x.z from some_long_name_of_a_table as x where x.y > 100 and x.z < 200) e on e.y = a.m and e.z = a.listing and e.y <> e.z and a.listing is distinct from e.z
where a.m between 1 and 2 or trim(both 'x' from c.s) = '' and position('a' in c.s) > 0 and substring(c.s from 2 for 3) = 'abc' and extract(year from c.ts) = 2013
group by a.m, c.d having count(*) > 1 order by 1 desc, 2 nulls first limit 10 offset 5;

select * from old union all new as x where x.a is null;
select * from x union all select * from y intersect (select * from z order by 1 limit 3) order by 1;
select * exclude (a) from listing_bookings as of timestamp '2024-01-01' as z;
select * from o left join r for system_time as of o.ts as r on r.k = o.k;
create training set refund_risk with (open_labels='drop') as select q.id, y.*, label y.n>0 as returned from q
label join (select k, count(*) over (next '168h', '30d') n from e group by k) y match_condition (y.ts>=q.ts) on y.k=q.k;
explain analyze stage tiled select 1; show feature sets; describe data.bookings; drop feature set if exists x
-- the end
