-- Top pairs
-- The pairs of addresses, in the direction of the traffic, that exchanged the most bytes.
SELECT addr_text(src_hi, src_lo) AS src_addr, addr_text(dst_hi, dst_lo) AS dst_addr, bytes, packets, flows
FROM (
    SELECT src_hi, src_lo, dst_hi, dst_lo, sum(est_bytes) AS bytes, sum(est_packets) AS packets, count(*) AS flows
    FROM chosen WHERE src_hi IS NOT NULL AND dst_hi IS NOT NULL
    GROUP BY ALL ORDER BY bytes DESC, src_hi, src_lo, dst_hi, dst_lo LIMIT $limit
)
ORDER BY bytes DESC, src_addr, dst_addr
