-- Top receivers
-- The addresses that received the most bytes.
SELECT addr_text(dst_hi, dst_lo) AS address, bytes, bytes_ci, packets, packets_ci, flows, peers
FROM (
    SELECT dst_hi, dst_lo, sum(est_bytes) AS bytes, ceil(ci_bytes(est_bytes_ci)) AS bytes_ci,
        sum(est_packets) AS packets, ceil(ci_packets(est_packets_ci)) AS packets_ci, count(*) AS flows,
        count(DISTINCT (src_hi, src_lo)) AS peers
    FROM chosen WHERE dst_hi IS NOT NULL
    GROUP BY dst_hi, dst_lo ORDER BY bytes DESC, dst_hi, dst_lo LIMIT $limit
)
ORDER BY bytes DESC, address
