-- Traffic over time
-- Bits and packets a second in steps of $step seconds. What a flow carried is spread evenly over its duration, so that a
-- long flow is no spike; so is the variance of its estimate.
, widths AS (
    SELECT $step::BIGINT * 1_000_000_000 AS step, epoch_ns(first_time) AS a, epoch_ns(last_time) AS b, est_bytes, est_packets, est_bytes_ci, est_packets_ci
    FROM chosen
), shares AS (
    SELECT step, unnest(range(a // step, b // step + 1)) AS n, a, b, est_bytes, est_packets, est_bytes_ci, est_packets_ci
    FROM widths
), parts AS (
    SELECT step, n, est_bytes, est_packets, est_bytes_ci, est_packets_ci,
        CASE WHEN a = b THEN 1 ELSE (least(b, (n + 1) * step) - greatest(a, n * step)) / (b - a) END AS share
    FROM shares
)
SELECT make_timestamp_ns(n * step) AS time, sum(est_bytes * share) * 8 / $step AS bits_per_second,
    sum(est_packets * share) / $step AS packets_per_second, sum(est_bytes * share) AS bytes,
    ceil(ci_bytes(est_bytes_ci * sqrt(share))) AS bytes_ci, sum(est_packets * share) AS packets,
    ceil(ci_packets(est_packets_ci * sqrt(share))) AS packets_ci
FROM parts
WHERE ($since IS NULL OR (n + 1) * step > epoch_ns($since::TIMESTAMP_NS)) AND ($until IS NULL OR n * step < epoch_ns($until::TIMESTAMP_NS))
GROUP BY n, step ORDER BY n LIMIT $limit
