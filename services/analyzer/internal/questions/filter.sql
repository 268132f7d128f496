-- What the questions below may be narrowed to. Where a parameter is not given it is NULL and everything passes. It is
-- put in front of each of them.
WITH chosen AS (
    SELECT *,
        coalesce(weighted_packets, scaled(packets, sampling_rate)) AS est_packets,
        coalesce(weighted_bytes, scaled(bytes, sampling_rate))     AS est_bytes,
        half_width(known_var(var_packets_hi, var_packets_lo, rate_origin), est_packets, packets, sampling_rate, rate_origin) AS est_packets_ci,
        half_width(known_var(var_bytes_hi, var_bytes_lo, rate_origin), est_bytes, packets, sampling_rate, rate_origin) AS est_bytes_ci
    FROM flow_numbers
    -- A packet counts in every monitor that takes it, so one is looked at: the first of kind ipv4 and of kind ipv6, and what
    -- other devices sent, unless another is named.
    WHERE CASE WHEN $monitor IS NULL
            THEN monitor IS NULL OR monitor IN (
                (SELECT min(id) FROM monitors WHERE split_part(definition, '/', 1) LIKE '%=ipv4'),
                (SELECT min(id) FROM monitors WHERE split_part(definition, '/', 1) LIKE '%=ipv6'))
            ELSE monitor IN (SELECT id FROM monitors WHERE name = $monitor) END
      AND ($since IS NULL OR last_time >= $since::TIMESTAMP_NS)
      AND ($until IS NULL OR first_time < $until::TIMESTAMP_NS)
      AND ($source IS NULL OR source = (SELECT id FROM sources WHERE name = $source))
      AND ($net IS NULL OR in_net(src_hi, src_lo, coalesce($net, '::/0')) OR in_net(dst_hi, dst_lo, coalesce($net, '::/0')))
      AND ($src IS NULL OR in_net(src_hi, src_lo, coalesce($src, '::/0')))
      AND ($dst IS NULL OR in_net(dst_hi, dst_lo, coalesce($dst, '::/0')))
      AND ($port IS NULL OR src_port = $port OR dst_port = $port)
      AND ($protocol IS NULL OR protocol = $protocol)
)
