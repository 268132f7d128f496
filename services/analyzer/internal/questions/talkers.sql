-- Top talkers
-- The addresses that sent the most bytes. Where traffic was sampled, bytes and packets are estimates: 95 % of
-- the truths are within bytes_ci and packets_ci of them. Those are NULL where a device doesn't tell its rate.
SELECT addr_text(src_hi, src_lo) AS address, bytes, bytes_ci, packets, packets_ci, flows, peers
FROM (
    SELECT src_hi, src_lo, sum(est_bytes) AS bytes, ceil(ci_bytes(est_bytes_ci)) AS bytes_ci,
        sum(est_packets) AS packets, ceil(ci_packets(est_packets_ci)) AS packets_ci, count(*) AS flows,
        count(DISTINCT (dst_hi, dst_lo)) AS peers
    FROM chosen WHERE src_hi IS NOT NULL
    GROUP BY src_hi, src_lo ORDER BY bytes DESC, src_hi, src_lo LIMIT $limit
)
ORDER BY bytes DESC, address
