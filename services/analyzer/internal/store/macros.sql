-- Functions for people's queries and for the views. They are replaced at every start.

-- The text of an address (RFC 5952 for IPv6).
CREATE OR REPLACE MACRO ipv4_text(lo) AS
    ((lo >> 24) & 255)::VARCHAR || '.' || ((lo >> 16) & 255)::VARCHAR || '.' ||
    ((lo >> 8) & 255)::VARCHAR || '.' || (lo & 255)::VARCHAR;

CREATE OR REPLACE MACRO ipv6_groups(hi, lo) AS
    printf(':%x:%x:%x:%x:%x:%x:%x:%x:',
        hi >> 48, (hi >> 32) & 65535, (hi >> 16) & 65535, hi & 65535,
        lo >> 48, (lo >> 32) & 65535, (lo >> 16) & 65535, lo & 65535);

CREATE OR REPLACE MACRO ipv6_cut(groups, zeros) AS
    substr(groups, 2, greatest(instr(groups, repeat(':0', zeros) || ':') - 2, 0)) || '::' ||
    rtrim(substr(groups, instr(groups, repeat(':0', zeros) || ':') + 2 * zeros + 1), ':');

-- RFC 5952 section 4.2: the longest run of at least two zero groups is cut, the first of equals.
CREATE OR REPLACE MACRO ipv6_shorten(groups) AS CASE
    WHEN contains(groups, repeat(':0', 8) || ':') THEN '::'
    WHEN contains(groups, repeat(':0', 7) || ':') THEN ipv6_cut(groups, 7)
    WHEN contains(groups, repeat(':0', 6) || ':') THEN ipv6_cut(groups, 6)
    WHEN contains(groups, repeat(':0', 5) || ':') THEN ipv6_cut(groups, 5)
    WHEN contains(groups, repeat(':0', 4) || ':') THEN ipv6_cut(groups, 4)
    WHEN contains(groups, repeat(':0', 3) || ':') THEN ipv6_cut(groups, 3)
    WHEN contains(groups, repeat(':0', 2) || ':') THEN ipv6_cut(groups, 2)
    ELSE trim(groups, ':')
END;

-- The lambda stands for a local variable: without it the groups would be written out, and planned, twenty times over.
CREATE OR REPLACE MACRO addr_text(hi, lo) AS CASE
    WHEN hi = 0 AND lo >> 32 = 65535 THEN ipv4_text(lo)
    WHEN hi IS NOT NULL THEN list_transform([ipv6_groups(hi, lo)], lambda g: ipv6_shorten(g))[1]
END;

-- The two numbers of an address given as text, for filters on flow_rows: WHERE src_lo = addr_lo('192.0.2.1').
CREATE OR REPLACE MACRO ipv6_parse(text) AS list_transform(
    CASE WHEN contains(text, '::') THEN
        list_concat(
            list_filter(string_split(split_part(text, '::', 1), ':'), lambda g: g <> ''),
            list_transform(
                range(8 - len(list_filter(string_split(replace(text, '::', ':'), ':'), lambda g: g <> ''))),
                lambda i: '0'),
            list_filter(string_split(split_part(text, '::', 2), ':'), lambda g: g <> ''))
    ELSE string_split(text, ':') END,
    lambda g: ('0x' || g)::USMALLINT::UBIGINT);

CREATE OR REPLACE MACRO ipv6_half(text, n) AS list_transform([ipv6_parse(text)],
    lambda g: (g[n] << 48) | (g[n + 1] << 32) | (g[n + 2] << 16) | g[n + 3])[1];

CREATE OR REPLACE MACRO ipv4_number(text) AS
    (split_part(text, '.', 1)::UTINYINT::UBIGINT << 24) | (split_part(text, '.', 2)::UTINYINT::UBIGINT << 16) |
    (split_part(text, '.', 3)::UTINYINT::UBIGINT << 8) | split_part(text, '.', 4)::UTINYINT::UBIGINT;

CREATE OR REPLACE MACRO addr_hi(text) AS CASE
    WHEN contains(text, ':') AND NOT contains(text, '.') THEN ipv6_half(text, 1)
    ELSE 0::UBIGINT
END;

CREATE OR REPLACE MACRO addr_lo(text) AS CASE
    WHEN NOT contains(text, '.') THEN ipv6_half(text, 5)
    ELSE 281470681743360::UBIGINT | ipv4_number(replace(lower(text), '::ffff:', ''))
END;

-- Whether an address is in a network given as text, such as '10.0.0.0/8' or '2001:db8::/32'.
CREATE OR REPLACE MACRO net_mask(bits) AS
    18446744073709551615::UBIGINT - (18446744073709551615::UBIGINT >> least(greatest(bits, 0), 64)::UBIGINT);

CREATE OR REPLACE MACRO net_bits(net) AS
    split_part(net, '/', 2)::UTINYINT::INTEGER + CASE WHEN contains(net, ':') THEN 0 ELSE 96 END;

CREATE OR REPLACE MACRO in_net
    (hi, lo, net) AS
        (hi & net_mask(net_bits(net))) = (addr_hi(split_part(net, '/', 1)) & net_mask(net_bits(net))) AND
        (lo & net_mask(net_bits(net) - 64)) = (addr_lo(split_part(net, '/', 1)) & net_mask(net_bits(net) - 64)),
    (text, net) AS
        (addr_hi(text) & net_mask(net_bits(net))) = (addr_hi(split_part(net, '/', 1)) & net_mask(net_bits(net))) AND
        (addr_lo(text) & net_mask(net_bits(net) - 64)) = (addr_lo(split_part(net, '/', 1)) & net_mask(net_bits(net) - 64));

CREATE OR REPLACE MACRO mac_text(mac) AS
    printf('%02x:%02x:%02x:%02x:%02x:%02x', (mac >> 40) & 255, (mac >> 32) & 255, (mac >> 24) & 255,
        (mac >> 16) & 255, (mac >> 8) & 255, mac & 255);

-- Names of codes.
CREATE OR REPLACE MACRO kind_name(code) AS CASE code
    WHEN 1 THEN 'ipv4' WHEN 2 THEN 'ipv6' WHEN 3 THEN 'layer2' WHEN 4 THEN 'mpls' WHEN 5 THEN 'vpn'
    WHEN 6 THEN 'srv6-inner' WHEN 7 THEN 'flexible' WHEN 8 THEN 'tunnel-inner' END;

CREATE OR REPLACE MACRO direction_name(code) AS CASE code WHEN 0 THEN 'ingress' WHEN 1 THEN 'egress' END;

CREATE OR REPLACE MACRO reason_name(code) AS CASE code
    WHEN 1 THEN 'inactive' WHEN 2 THEN 'active' WHEN 3 THEN 'fin' WHEN 4 THEN 'forced' WHEN 5 THEN 'table'
    WHEN 6 THEN 'bytes' WHEN 7 THEN 'end' END;

CREATE OR REPLACE MACRO rate_origin_name(code) AS CASE code
    WHEN 0 THEN 'unknown' WHEN 1 THEN 'unsampled' WHEN 2 THEN 'weights' WHEN 3 THEN 'forced' WHEN 4 THEN 'record'
    WHEN 5 THEN 'sampler' WHEN 6 THEN 'interface' WHEN 7 THEN 'system' WHEN 8 THEN 'header' WHEN 9 THEN 'default' END;

CREATE OR REPLACE MACRO protocol_name(code) AS CASE code
    WHEN 1 THEN 'icmp' WHEN 2 THEN 'igmp' WHEN 4 THEN 'ipip' WHEN 6 THEN 'tcp' WHEN 17 THEN 'udp' WHEN 41 THEN 'ipv6'
    WHEN 47 THEN 'gre' WHEN 50 THEN 'esp' WHEN 51 THEN 'ah' WHEN 58 THEN 'icmpv6' WHEN 88 THEN 'eigrp'
    WHEN 89 THEN 'ospf' WHEN 103 THEN 'pim' WHEN 112 THEN 'vrrp' WHEN 132 THEN 'sctp' ELSE code::VARCHAR END;

-- A count scaled by a rate; what is beyond 64 bits stays at the largest double below 2^64.
CREATE OR REPLACE MACRO scaled(count, rate) AS CASE
    WHEN rate IS NULL OR rate = 1 THEN count
    ELSE least(round(count * rate), 18446744073709549568::DOUBLE)::UBIGINT
END;

-- The variance that our own records carry; NULL for those of other devices, whose weights aren't known packet by packet.
CREATE OR REPLACE MACRO known_var(hi, lo, origin) AS CASE
    WHEN coalesce(origin, 1) IN (1, 2) THEN coalesce(hi * 18446744073709551616.0::DOUBLE + lo, 0)
END;

-- Bound of the variance of an estimate made of a record of another device that has n sampled packets, such that 1.96 times
-- its root is ±196 %/√n of the estimate. It is 0 where every packet was taken, NULL where the rate isn't known.
CREATE OR REPLACE MACRO record_var(estimate, n, rate, origin) AS CASE
    WHEN coalesce(origin, 1) = 0 THEN NULL
    WHEN coalesce(rate, 1) <= 1 THEN 0
    ELSE estimate::DOUBLE * estimate::DOUBLE / greatest(n, 1)
END;

-- Half width of the 95 % interval of one row; NULL where not even a rate is known.
CREATE OR REPLACE MACRO half_width(var, estimate, n, rate, origin) AS
    1.96 * sqrt(coalesce(var, record_var(estimate, n, rate, origin)));

-- Estimate and 95 % interval of any set of rows of the view flows:
--   SELECT src_addr, est_bytes(est_bytes), ci_bytes(est_bytes_ci) FROM flows GROUP BY src_addr
-- Rows are sampled independently of one another, so their variances add up; bounds that are added up so are never below the
-- bound of the sum (Cauchy and Schwarz). The columns est_packets_ci and est_bytes_ci are the half widths of single rows; where
-- one of them is NULL there is no interval.
CREATE OR REPLACE MACRO est_packets(est_packets) AS sum(est_packets);
CREATE OR REPLACE MACRO est_bytes(est_bytes) AS sum(est_bytes);
CREATE OR REPLACE MACRO ci_packets(est_packets_ci) AS CASE
    WHEN count(*) = count(est_packets_ci) THEN sqrt(coalesce(sum(est_packets_ci * est_packets_ci), 0))
END;
CREATE OR REPLACE MACRO ci_bytes(est_bytes_ci) AS ci_packets(est_bytes_ci);

-- Ends of the interval of packets or bytes. What was seen is there for certain: no interval goes below it.
CREATE OR REPLACE MACRO ci_low(est, est_ci, seen) AS CASE
    WHEN ci_packets(est_ci) IS NOT NULL THEN greatest(sum(est) - ci_packets(est_ci), sum(seen)::DOUBLE)
END;
CREATE OR REPLACE MACRO ci_high(est, est_ci) AS sum(est) + ci_packets(est_ci);

-- What the interval is: exact (every packet was taken), interval, rough (the same of fewer than 30 sampled packets, too few for
-- a normal distribution), bound (records of other devices among them), unknown (of some the rate isn't known).
CREATE OR REPLACE MACRO ci_kind(packets, est_packets_ci, rate_origin) AS CASE
    WHEN count(*) FILTER (est_packets_ci IS NULL) > 0 THEN 'unknown'
    WHEN coalesce(sum(est_packets_ci), 0) = 0 THEN 'exact'
    WHEN count(*) FILTER (rate_origin NOT IN ('weights', 'unsampled')) > 0 THEN 'bound'
    WHEN sum(packets) FILTER (est_packets_ci > 0) < 30 THEN 'rough'
    ELSE 'interval'
END;
