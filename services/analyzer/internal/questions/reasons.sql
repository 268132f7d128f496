-- Flows by reason
-- Why flows ended. Records of devices that don't say have no reason.
SELECT reason_name(reason) AS reason, count(*) AS flows, sum(packets) AS packets, sum(bytes) AS bytes
FROM chosen GROUP BY reason ORDER BY reason LIMIT $limit
