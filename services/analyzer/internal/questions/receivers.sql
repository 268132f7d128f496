-- Top receivers
-- The addresses that received the most bytes.
SELECT addr_text(dst_hi, dst_lo) AS address, bytes, packets, flows, peers
FROM (
    SELECT dst_hi, dst_lo, sum(est_bytes) AS bytes, sum(est_packets) AS packets, count(*) AS flows,
        count(DISTINCT (src_hi, src_lo)) AS peers
    FROM chosen WHERE dst_hi IS NOT NULL
    GROUP BY dst_hi, dst_lo ORDER BY bytes DESC, dst_hi, dst_lo LIMIT $limit
)
ORDER BY bytes DESC, address
