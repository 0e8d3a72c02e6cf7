-- Further expressions over the boundary columns. One a line.
l[k]
l[1]
l[-1]
m[w]
m['a']
CARDINALITY(l)
CARDINALITY(m)
MAP_KEYS(m)
MAP_VALUES(m)
p.a
p.s
STRUCT(n, v AS w)
[k, n]
[v, NULL, 'x']
l = l
p <> p
CAST(l AS DOUBLE[])
CAST(p AS STRUCT(a VARCHAR, s VARCHAR))
CAST(m AS MAP(VARCHAR, TINYINT))
MAKE_DATE(k * 1000, i, s)
MAKE_DATE(2000 + k, k, 29)
MAKE_TIMESTAMP(2013, k, 2, 3, 4, x)
MAKE_TIMESTAMP(n)
TO_TIMESTAMP(n)
TO_TIMESTAMP(x)
FROM_EPOCH(n, 's')
TO_DAYS(k)
TO_SECONDS(x)
ROUND(x, 2)
ROUND(x, -2)
ROUND(n, -3)
ROUND(d, 1)
ROUND(d, -2)
ROUND(x, 17)
FLOOR(d)
CEIL(e)
SQRT(x)
POWER(x, f)
POWER(x, 2)
LEAST(x, f)
GREATEST(x, f, n)
ABS(n * INTERVAL '1' SECOND)
LOWER(v)
UPPER(v)
v ILIKE '%B%'
v LIKE w
LPAD(v, k, w)
RPAD(v, k)
REPLACE(v, w, 'x')
SPLIT_PART(v, w, k)
SUBSTR(v, n, k)
SUBSTR(v, -1, 3)
LEFT(v, n)
RIGHT(v, n)
LEFT(v, -2)
CONCAT(v, n, b)
CONCAT(x, day)
v || n
TRIM(v, '')
LENGTH(l)
DATE_TRUNC('week', t)
DATE_TRUNC('month', t)
DATE_TRUNC('quarter', t)
DATE_TRUNC('year', t)
DATE_TRUNC('decade', t)
DATE_TRUNC('century', t)
EXTRACT(isoyear FROM t)
EXTRACT(decade FROM t)
EXTRACT(century FROM t)
DATE_DIFF('microsecond', t, u)
DATE_DIFF('second', t, u)
DATE_DIFF('day', t, u)
DATE_DIFF('week', t, u)
DATE_DIFF('month', t, u)
DATE_DIFF('year', t, u)
DATE_DIFF('century', t, u)
DATE_TRUNC('hour', FROM_EPOCH(n, 'us'))
DATE_TRUNC('month', FROM_EPOCH(n, 'us'))
DATE_TRUNC('week', FROM_EPOCH(n, 'us'))
EXTRACT(year FROM FROM_EPOCH(n, 'us'))
DATE_DIFF('us', FROM_EPOCH(n, 'us'), t)
CAST(FROM_EPOCH(n, 'us') AS VARCHAR)
EXTRACT(week FROM day)
EPOCH(n * INTERVAL '1' MICROSECOND)
EPOCH_MS(k * INTERVAL '1' MICROSECOND)
n = x
x = n
n < x
x < n
n >= x
n <= f
n <> x
d = x
d < x
x > e
d = n
n > d
n IS DISTINCT FROM x
x IN (n, 3)
n IN (x, 7)
day < u
day = t
CAST(x AS DECIMAL(20, 3))
CAST(x AS DECIMAL(38, 0))
CAST(d AS INTEGER)
CAST(d AS DECIMAL(3, 1))
CAST(e AS DECIMAL(8, 2))
CAST(d AS FLOAT)
CAST(x AS FLOAT)
CAST(n AS DECIMAL(20, 5))
CAST(x AS VARCHAR)
CAST(f AS VARCHAR)
CAST(d AS VARCHAR)
CAST(t AS VARCHAR)
CAST(u AS VARCHAR)
CAST(day AS VARCHAR)
CAST(n * INTERVAL '1' MICROSECOND AS VARCHAR)
CAST(x AS BOOLEAN)
CAST(n AS BOOLEAN)
CAST(d AS BOOLEAN)
CAST(b AS DOUBLE)
CAST(b AS DECIMAL(3, 1))
TRY_CAST(n AS TINYINT)
TRY_CAST(x AS SMALLINT)
TRY_CAST(x AS DECIMAL(4, 2))
TRY_CAST(d AS TINYINT)
TRY_CAST(v AS INTEGER)
TRY_CAST(n AS UBIGINT)
CAST(n AS USMALLINT)
CASE WHEN n BETWEEN -128 AND 127 THEN CAST(n AS TINYINT) ELSE k END
CASE WHEN n < 5 THEN n * n WHEN n > 10 THEN n + 1 ELSE NULL END
COALESCE(NULLIF(k, 0), n * 2)
CASE WHEN x > 0 THEN x ELSE 0 END > 1
