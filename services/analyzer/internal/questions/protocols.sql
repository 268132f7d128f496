-- Traffic by protocol
-- Bytes, packets and flows of each protocol above IP.
SELECT protocol_name(protocol) AS protocol, sum(est_bytes) AS bytes, sum(est_packets) AS packets, count(*) AS flows
FROM chosen WHERE protocol IS NOT NULL
GROUP BY ALL ORDER BY bytes DESC, protocol LIMIT $limit
