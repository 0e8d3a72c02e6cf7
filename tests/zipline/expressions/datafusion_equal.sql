-- DataFusion computes these to the same bits. One a line.
n + k
n - k
n * k
n + n
n - n
i + i
i * i
s - i
n + 1
n * 3
-n
-x
-d
x + x
x * f
x - 1
n + 0.5e0
x / x
n / k
n / 3
n % k
n % 7
x % x
x / 0
d + e
d - e
d * e
d + 1
d * 2.5
d / e
i % s
n = k
n < k
n >= i
x = x
x <> x
x < x
x <= f
x > 0
x >= 0.0
x = 0
x <> 0
x < 0
x = 1.5
x <> 1.5
1.5 > x
x = -0.0
i < x
s >= x
x = CAST('nan' AS DOUBLE)
v < w
v = w
v >= 'a'
b = c
b < c
day < t
day = day
t <= u
t = u
d = e
d < i
d > 1
n IS DISTINCT FROM k
x IS DISTINCT FROM x
x IS NOT DISTINCT FROM f
n IN (1, 2, NULL)
x IN (0, 1.5)
v IN ('a', 'ß')
n BETWEEN k AND 10
x BETWEEN 0 AND 3
b AND c
b OR c
NOT b
b IS TRUE
b IS NOT TRUE
b IS FALSE
b IS NOT FALSE
n IS NULL
x IS NOT NULL
CASE WHEN b THEN n WHEN c THEN k ELSE 0 END
CASE WHEN n > 0 THEN v END
COALESCE(n, k, 7)
COALESCE(x, 0)
NULLIF(n, k)
NULLIF(x, 0)
IF(b, v, w)
ABS(n)
ABS(x)
ABS(d)
SIGN(n)
SIGN(x)
SIGN(d)
FLOOR(x)
CEIL(x)
ROUND(x)
ISNAN(x)
LEAST(n, k)
GREATEST(n, k, i)
LEAST(v, w)
GREATEST(t, t)
EXP(x)
LN(x)
LOG10(x)
LOG2(x)
LENGTH(v)
TRIM(v)
LTRIM(v)
RTRIM(v, 'ca')
TRIM(v, w)
SUBSTR(v, k)
SUBSTR(v, k, k)
SUBSTR(v, 2, 1)
LEFT(v, k)
RIGHT(v, k)
CONCAT(v, w, '!')
v || w
REPLACE(v, 'a', w)
STARTS_WITH(v, w)
ENDS_WITH(v, w)
CONTAINS(v, w)
v LIKE 'a%'
v LIKE '_b_'
v LIKE '%\%'
v LIKE '%'
v LIKE 'a!%b' ESCAPE '!'
v LIKE 'a\b'
SPLIT_PART(v, 'b', k)
STRPOS(v, w)
DATE_TRUNC('microsecond', t)
DATE_TRUNC('millisecond', t)
DATE_TRUNC('second', t)
DATE_TRUNC('minute', t)
DATE_TRUNC('hour', t)
DATE_TRUNC('day', t)
DATE_TRUNC('hour', u)
DATE_TRUNC('day', day)
EXTRACT(year FROM t)
EXTRACT(quarter FROM t)
EXTRACT(month FROM t)
EXTRACT(week FROM t)
EXTRACT(day FROM t)
EXTRACT(doy FROM t)
EXTRACT(dow FROM t)
EXTRACT(isodow FROM t)
EXTRACT(hour FROM t)
EXTRACT(minute FROM t)
EXTRACT(second FROM t)
EXTRACT(millisecond FROM t)
EXTRACT(microsecond FROM t)
EXTRACT(epoch FROM t)
EXTRACT(year FROM day)
EXTRACT(hour FROM u)
EPOCH(t)
EPOCH_MS(t)
EPOCH_US(u)
EPOCH_S(t)
t + INTERVAL '90' MINUTE
t - INTERVAL '1' DAY
day + INTERVAL '1' HOUR
t + n * INTERVAL '1' MINUTE
t + x * INTERVAL '1' MINUTE
u - k * INTERVAL '1' SECOND
t - t
t - u
FROM_EPOCH(n, 'ms')
FROM_EPOCH(n, 's')
FROM_EPOCH(n, 'us')
(t - INTERVAL '1' DAY) < u
CAST(n AS INTEGER)
CAST(n AS TINYINT)
CAST(n AS DOUBLE)
CAST(n AS FLOAT)
CAST(i AS BIGINT)
CAST(n AS VARCHAR)
CAST(b AS VARCHAR)
CAST(b AS INTEGER)
CAST(x AS BIGINT)
CAST(x AS INTEGER)
CAST(x AS TINYINT)
CAST(f AS DOUBLE)
CAST(f AS INTEGER)
CAST(d AS DOUBLE)
CAST(d AS DECIMAL(12, 4))
CAST(n AS DECIMAL(10, 0))
CAST(day AS TIMESTAMP)
CAST(t AS DATE)
CAST(t AS TIMESTAMPTZ)
CAST(u AS TIMESTAMP)
p.a
p.s
