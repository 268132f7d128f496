-- Top pairs
-- The pairs of addresses, in the direction of the traffic, that exchanged the most bytes.
SELECT addr_text(src_hi, src_lo) AS src_addr, addr_text(dst_hi, dst_lo) AS dst_addr, bytes, bytes_ci, packets, packets_ci, flows
FROM (
    SELECT src_hi, src_lo, dst_hi, dst_lo, sum(est_bytes) AS bytes, ceil(ci_bytes(est_bytes_ci)) AS bytes_ci,
        sum(est_packets) AS packets, ceil(ci_packets(est_packets_ci)) AS packets_ci, count(*) AS flows
    FROM chosen WHERE src_hi IS NOT NULL AND dst_hi IS NOT NULL
    GROUP BY ALL ORDER BY bytes DESC, src_hi, src_lo, dst_hi, dst_lo LIMIT $limit
)
ORDER BY bytes DESC, src_addr, dst_addr
