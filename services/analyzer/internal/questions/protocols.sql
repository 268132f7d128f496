-- Traffic by protocol
-- Bytes, packets and flows of each protocol above IP.
SELECT protocol_name(protocol) AS protocol, sum(est_bytes) AS bytes, ceil(ci_bytes(est_bytes_ci)) AS bytes_ci,
    sum(est_packets) AS packets, ceil(ci_packets(est_packets_ci)) AS packets_ci, count(*) AS flows
FROM chosen WHERE protocol IS NOT NULL
GROUP BY ALL ORDER BY bytes DESC, protocol LIMIT $limit
