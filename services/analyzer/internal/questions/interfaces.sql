-- Traffic by interface
-- What entered and left each interface of each source, as ifIndex.
SELECT sources.name AS source, interface, sum(bytes_in) AS bytes_in, ceil(ci_bytes(bytes_in_ci)) AS bytes_in_ci,
    sum(bytes_out) AS bytes_out, ceil(ci_bytes(bytes_out_ci)) AS bytes_out_ci, sum(flows) AS flows
FROM (
    SELECT source, in_if AS interface, sum(est_bytes) AS bytes_in, ci_bytes(est_bytes_ci) AS bytes_in_ci,
        0 AS bytes_out, 0 AS bytes_out_ci, count(*) AS flows
    FROM chosen WHERE in_if IS NOT NULL GROUP BY ALL
    UNION ALL
    SELECT source, out_if, 0, 0, sum(est_bytes), ci_bytes(est_bytes_ci), count(*)
    FROM chosen WHERE out_if IS NOT NULL GROUP BY ALL
) AS seen JOIN sources ON sources.id = seen.source
GROUP BY ALL ORDER BY sum(bytes_in) + sum(bytes_out) DESC, source, interface LIMIT $limit
