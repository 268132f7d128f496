-- All rows as they are stored, in numbers: the quickest to filter, with addr_hi, addr_lo and in_net.
CREATE OR REPLACE VIEW flow_numbers AS
FROM flow_rows_full UNION ALL BY NAME FROM flow_rows_wide UNION ALL BY NAME FROM flow_rows;

-- The public face of the flows: names, units and NULLs are promises. Times are UTC.
CREATE OR REPLACE VIEW flows AS
SELECT
    sources.name                                     AS source,
    monitors.name                                    AS monitor,
    kind_name(kind)                                  AS kind,
    direction_name(direction)                        AS direction,
    first_time,
    last_time,
    addr_text(src_hi, src_lo)                        AS src_addr,
    addr_text(dst_hi, dst_lo)                        AS dst_addr,
    src_port,
    dst_port,
    protocol,
    tos,
    tcp_flags,
    flow_label,
    in_if,
    out_if,
    vlan,
    mac_text(src_mac)                                AS src_mac,
    mac_text(dst_mac)                                AS dst_mac,
    mpls_label_1,
    mpls_label_2,
    mpls_label_3,
    vrf,
    src_as,
    dst_as,
    src_mask,
    dst_mask,
    addr_text(next_hop_hi, next_hop_lo)              AS next_hop,
    addr_text(bgp_next_hop_hi, bgp_next_hop_lo)      AS bgp_next_hop,
    packets,
    bytes,
    coalesce(weighted_packets, scaled(packets, sampling_rate))        AS est_packets,
    coalesce(weighted_bytes, scaled(bytes, sampling_rate))            AS est_bytes,
    known_var(var_packets_hi, var_packets_lo, f.rate_origin)          AS est_packets_var,
    known_var(var_bytes_hi, var_bytes_lo, f.rate_origin)              AS est_bytes_var,
    coalesce(sampling_rate, weighted_packets / packets, 1)            AS sampling_rate,
    rate_origin_name(coalesce(rate_origin, 1))       AS rate_origin,
    reason_name(reason)                              AS reason,
    inner_vlan,
    ethertype,
    -- All labels of the stack that are known, the outermost first.
    list_filter([mpls_label_1, mpls_label_2, mpls_label_3, mpls_label_4, mpls_label_5, mpls_label_6, mpls_label_7, mpls_label_8,
        mpls_label_9, mpls_label_10], lambda l: l IS NOT NULL AND l > 0) AS mpls_labels,
    ttl,
    ip_version,
    min_length,
    max_length,
    min_ttl,
    max_ttl,
    -- Half widths of the 95 % intervals. Of another device's records only a rate is known: then the bound of 196 %/√n for n
    -- sampled packets. NULL where not even that is.
    half_width(est_packets_var, est_packets, packets, f.sampling_rate, f.rate_origin) AS est_packets_ci,
    half_width(est_bytes_var, est_bytes, packets, f.sampling_rate, f.rate_origin)     AS est_bytes_ci
FROM flow_numbers AS f
JOIN sources ON sources.id = f.source
LEFT JOIN monitors ON monitors.id = f.monitor;
