-- Flows
-- Single flows, those that ended last first.
SELECT sources.name AS source, first_time, last_time, addr_text(src_hi, src_lo) AS src_addr, src_port,
    addr_text(dst_hi, dst_lo) AS dst_addr, dst_port, protocol_name(protocol) AS protocol, tcp_flags, in_if, out_if,
    packets, bytes, est_packets, ceil(est_packets_ci) AS est_packets_ci, est_bytes, ceil(est_bytes_ci) AS est_bytes_ci,
    reason_name(reason) AS reason
FROM (FROM chosen ORDER BY last_time DESC, first_time DESC, src_hi, src_lo, dst_hi, dst_lo, src_port, dst_port LIMIT $limit) AS f
JOIN sources ON sources.id = f.source
ORDER BY last_time DESC, first_time DESC, src_addr, dst_addr, src_port, dst_port
