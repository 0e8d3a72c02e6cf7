-- No exact text for DataFusion is known for these. One a line.
LOWER(v)
UPPER(v)
ROUND(x, 2)
ROUND(d, 1)
n = x
n < f
d < x
CAST(v AS DOUBLE)
CAST(v AS BIGINT)
CAST(x AS VARCHAR)
CAST(t AS VARCHAR)
CAST(d AS BIGINT)
TRY_CAST(v AS INTEGER)
LEAST(x, f)
SQRT(x)
POWER(x, f)
LPAD(v, k, 'x')
DATE_TRUNC('month', t)
1 / CAST(v AS DOUBLE)
v LIKE w
LPAD(v, k, w)
REPLACE(v, w, 'x')
DATE_DIFF('day', t, u)
