-- Over a DECIMAL(38, 10), b DECIMAL(38, 0), c UBIGINT. One a line.
a + b
a - b
b * b
b * 3
a % b
a / b
a = b
a < c
c + c
c - c
c * c
c - 1
c < b
-c
ABS(a)
ABS(c)
FLOOR(a)
CEIL(a)
ROUND(a, 3)
ROUND(b, -5)
ROUND(c, -3)
CAST(a AS DOUBLE)
CAST(a AS FLOAT)
CAST(a AS DECIMAL(20, 2))
CAST(a AS BIGINT)
CAST(a AS VARCHAR)
CAST(c AS DOUBLE)
CAST(c AS FLOAT)
CAST(c AS DECIMAL(12, 2))
CAST(c AS BIGINT)
c = 1
c % 7
GREATEST(c, 1)
a > 1.5e0
SIGN(a)
SIGN(c)
LEAST(a, b)
a IN (1, 2.5)
SQRT(a)
