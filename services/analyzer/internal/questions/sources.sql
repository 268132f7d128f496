-- Sources
-- Who sends flows: how many, and from when to when.
SELECT sources.name AS source, flows, packets, bytes, est_packets, est_packets_ci, est_bytes, est_bytes_ci, first_time, last_time
FROM sources JOIN (
    SELECT source, count(*) AS flows, sum(packets) AS packets, sum(bytes) AS bytes,
        sum(est_packets) AS est_packets, ceil(ci_packets(est_packets_ci)) AS est_packets_ci,
        sum(est_bytes) AS est_bytes, ceil(ci_bytes(est_bytes_ci)) AS est_bytes_ci, min(first_time) AS first_time, max(last_time) AS last_time
    FROM chosen GROUP BY source
) AS seen ON seen.source = sources.id
ORDER BY sources.name LIMIT $limit
