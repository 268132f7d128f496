-- Top talkers
-- The addresses that sent the most bytes. Bytes and packets are estimates where traffic was sampled.
SELECT addr_text(src_hi, src_lo) AS address, bytes, packets, flows, peers
FROM (
    SELECT src_hi, src_lo, sum(est_bytes) AS bytes, sum(est_packets) AS packets, count(*) AS flows,
        count(DISTINCT (dst_hi, dst_lo)) AS peers
    FROM chosen WHERE src_hi IS NOT NULL
    GROUP BY src_hi, src_lo ORDER BY bytes DESC, src_hi, src_lo LIMIT $limit
)
ORDER BY bytes DESC, address
