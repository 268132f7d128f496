-- Top applications
-- Protocol and port of the server side, which is taken to be the lower port. Protocols without ports have none.
SELECT protocol_name(protocol) AS protocol, CASE WHEN protocol IN (6, 17, 132) THEN least(src_port, dst_port) END AS port,
    sum(est_bytes) AS bytes, ceil(ci_bytes(est_bytes_ci)) AS bytes_ci,
    sum(est_packets) AS packets, ceil(ci_packets(est_packets_ci)) AS packets_ci, count(*) AS flows
FROM chosen WHERE protocol IS NOT NULL
GROUP BY ALL ORDER BY bytes DESC, protocol, port LIMIT $limit
