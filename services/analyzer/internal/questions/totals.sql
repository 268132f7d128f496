-- Totals
-- How much there is: flows, packets and bytes as counted and as estimated, from when to when.
SELECT count(*) AS flows, coalesce(sum(packets), 0) AS packets, coalesce(sum(bytes), 0) AS bytes,
    coalesce(sum(est_packets), 0) AS est_packets, ceil(ci_packets(est_packets_ci)) AS est_packets_ci,
    coalesce(sum(est_bytes), 0) AS est_bytes, ceil(ci_bytes(est_bytes_ci)) AS est_bytes_ci,
    min(first_time) AS first_time, max(last_time) AS last_time
FROM chosen LIMIT $limit
