-- Tables of the database. Version: see schemaVersion in open.go.

CREATE TABLE meta (key VARCHAR PRIMARY KEY, value VARCHAR NOT NULL);

-- Where flows come from: observation points of our own samplers, and exporters whose datagrams were collected.
CREATE TABLE sources (id UINTEGER PRIMARY KEY, name VARCHAR NOT NULL UNIQUE);

-- Flow definitions, as they travelled: one that was changed has several rows.
CREATE TABLE monitors (id USMALLINT PRIMARY KEY, name VARCHAR NOT NULL, definition VARCHAR NOT NULL UNIQUE);

-- How far each shard of a stream is landed: the sequence of its last message and the number of its last flow.
CREATE TABLE positions (
    stream   VARCHAR NOT NULL,
    shard    USMALLINT NOT NULL,
    sequence UBIGINT NOT NULL,
    number   UBIGINT NOT NULL,
    PRIMARY KEY (stream, shard)
);

-- The latest value of each counter of the loss ledger.
CREATE TABLE ledger (
    source    VARCHAR NOT NULL,
    hop       VARCHAR NOT NULL,
    shard     USMALLINT NOT NULL,
    monitor   VARCHAR NOT NULL,
    name      VARCHAR NOT NULL,
    packets   UBIGINT NOT NULL,
    bytes     UBIGINT NOT NULL,
    rows      UBIGINT NOT NULL,
    digest_hi UBIGINT NOT NULL,
    digest_lo UBIGINT NOT NULL,
    PRIMARY KEY (source, hop, shard, monitor, name)
);

-- What the decoder of other devices' datagrams knows of each exporter, as JSON: templates, sampling rates, sequence
-- numbers, and sets that wait for their template.
CREATE TABLE collector_state (
    exporter VARCHAR NOT NULL,
    shard    USMALLINT NOT NULL,
    part     VARCHAR NOT NULL,
    value    VARCHAR NOT NULL,
    PRIMARY KEY (exporter, shard, part)
);

-- Flows of our own samplers that took every packet. Addresses are two numbers, IPv4 as ::ffff:a.b.c.d. People read the
-- view flows; the view flow_numbers has all three tables with the columns of the last.
CREATE TABLE flow_rows (
    source     UINTEGER NOT NULL,
    monitor    USMALLINT,
    kind       UTINYINT NOT NULL,
    direction  UTINYINT,
    first_time TIMESTAMP_NS NOT NULL,
    last_time  TIMESTAMP_NS NOT NULL,
    src_hi     UBIGINT,
    src_lo     UBIGINT,
    dst_hi     UBIGINT,
    dst_lo     UBIGINT,
    src_port   USMALLINT,
    dst_port   USMALLINT,
    protocol   UTINYINT,
    tos        UTINYINT,
    tcp_flags  UTINYINT,
    flow_label UINTEGER,
    in_if      UINTEGER,
    out_if     UINTEGER,
    packets    UBIGINT NOT NULL,
    bytes      UBIGINT NOT NULL,
    reason     UTINYINT
);

-- Flows with something more: weights, a sampling rate, routing, labels. They have a table of their own because a column
-- costs the landing of each row about 18 ns even where it is NULL.
CREATE TABLE flow_rows_wide (
    source           UINTEGER NOT NULL,
    monitor          USMALLINT,
    kind             UTINYINT NOT NULL,
    direction        UTINYINT,
    first_time       TIMESTAMP_NS NOT NULL,
    last_time        TIMESTAMP_NS NOT NULL,
    src_hi           UBIGINT,
    src_lo           UBIGINT,
    dst_hi           UBIGINT,
    dst_lo           UBIGINT,
    src_port         USMALLINT,
    dst_port         USMALLINT,
    protocol         UTINYINT,
    tos              UTINYINT,
    tcp_flags        UTINYINT,
    flow_label       UINTEGER,
    in_if            UINTEGER,
    out_if           UINTEGER,
    packets          UBIGINT NOT NULL,
    bytes            UBIGINT NOT NULL,
    reason           UTINYINT,
    vlan             USMALLINT,
    src_mac          UBIGINT,
    dst_mac          UBIGINT,
    mpls_label_1     UINTEGER,
    mpls_label_2     UINTEGER,
    mpls_label_3     UINTEGER,
    vrf              UINTEGER,
    src_as           UINTEGER,
    dst_as           UINTEGER,
    src_mask         UTINYINT,
    dst_mask         UTINYINT,
    next_hop_hi      UBIGINT,
    next_hop_lo      UBIGINT,
    bgp_next_hop_hi  UBIGINT,
    bgp_next_hop_lo  UBIGINT,
    weighted_packets UBIGINT,
    weighted_bytes   UBIGINT,
    var_packets_hi   UBIGINT,
    var_packets_lo   UBIGINT,
    var_bytes_hi     UBIGINT,
    var_bytes_lo     UBIGINT,
    sampling_rate    DOUBLE,
    rate_origin      UTINYINT
);

-- Flows of kinds that have still more: layer 2, MPLS, tunnels, flexible.
CREATE TABLE flow_rows_full (
    source           UINTEGER NOT NULL,
    monitor          USMALLINT,
    kind             UTINYINT NOT NULL,
    direction        UTINYINT,
    first_time       TIMESTAMP_NS NOT NULL,
    last_time        TIMESTAMP_NS NOT NULL,
    src_hi           UBIGINT,
    src_lo           UBIGINT,
    dst_hi           UBIGINT,
    dst_lo           UBIGINT,
    src_port         USMALLINT,
    dst_port         USMALLINT,
    protocol         UTINYINT,
    tos              UTINYINT,
    tcp_flags        UTINYINT,
    flow_label       UINTEGER,
    in_if            UINTEGER,
    out_if           UINTEGER,
    packets          UBIGINT NOT NULL,
    bytes            UBIGINT NOT NULL,
    reason           UTINYINT,
    vlan             USMALLINT,
    src_mac          UBIGINT,
    dst_mac          UBIGINT,
    mpls_label_1     UINTEGER,
    mpls_label_2     UINTEGER,
    mpls_label_3     UINTEGER,
    vrf              UINTEGER,
    src_as           UINTEGER,
    dst_as           UINTEGER,
    src_mask         UTINYINT,
    dst_mask         UTINYINT,
    next_hop_hi      UBIGINT,
    next_hop_lo      UBIGINT,
    bgp_next_hop_hi  UBIGINT,
    bgp_next_hop_lo  UBIGINT,
    weighted_packets UBIGINT,
    weighted_bytes   UBIGINT,
    var_packets_hi   UBIGINT,
    var_packets_lo   UBIGINT,
    var_bytes_hi     UBIGINT,
    var_bytes_lo     UBIGINT,
    sampling_rate    DOUBLE,
    rate_origin      UTINYINT,
    inner_vlan       USMALLINT,
    ethertype        USMALLINT,
    mpls_label_4     UINTEGER,
    mpls_label_5     UINTEGER,
    mpls_label_6     UINTEGER,
    mpls_label_7     UINTEGER,
    mpls_label_8     UINTEGER,
    mpls_label_9     UINTEGER,
    mpls_label_10    UINTEGER,
    ttl              UTINYINT,
    ip_version       UTINYINT,
    min_length       UINTEGER,
    max_length       UINTEGER,
    min_ttl          UTINYINT,
    max_ttl          UTINYINT
);
