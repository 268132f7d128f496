-- Traffic by interface
-- What entered and left each interface of each source, as ifIndex.
SELECT sources.name AS source, interface, sum(bytes_in) AS bytes_in, sum(bytes_out) AS bytes_out, sum(flows) AS flows
FROM (
    SELECT source, in_if AS interface, sum(est_bytes) AS bytes_in, 0 AS bytes_out, count(*) AS flows
    FROM chosen WHERE in_if IS NOT NULL GROUP BY ALL
    UNION ALL
    SELECT source, out_if, 0, sum(est_bytes), count(*) FROM chosen WHERE out_if IS NOT NULL GROUP BY ALL
) AS seen JOIN sources ON sources.id = seen.source
GROUP BY ALL ORDER BY sum(bytes_in) + sum(bytes_out) DESC, source, interface LIMIT $limit
