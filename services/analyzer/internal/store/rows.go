package store

import "github.com/apache/arrow-go/v18/arrow"

// RowGroup is the number of rows DuckDB keeps together. A transaction that brings a whole one is written to its place
// at once; smaller ones go through the write-ahead log first.
const RowGroup = 122_880

// Kind is the record kind of a flow, as stored.
type Kind = uint8

// Kinds of records; see the macro kind_name.
const (
	IPv4     Kind = 1
	IPv6     Kind = 2
	Flexible Kind = 7
)

// RateOrigin tells where a sampling rate was learned, as stored.
type RateOrigin = uint8

// Origins of sampling rates; see the macro rate_origin_name. Unknown counts as 1:1 and is marked. The last seven are
// for records of other devices, the strongest first.
const (
	RateUnknown    RateOrigin = 0
	RateUnsampled  RateOrigin = 1 // our own sampler took every packet; stored as NULL
	RateWeights    RateOrigin = 2 // our own sampler: the weights of the packets
	RateForced     RateOrigin = 3
	RateRecord     RateOrigin = 4
	RateSampler    RateOrigin = 5
	RateInterface  RateOrigin = 6
	RateSystem     RateOrigin = 7
	RateHeader     RateOrigin = 8
	RateConfigured RateOrigin = 9
)

// Rows is a batch of rows of flows, a column a field. All columns have the same length when it is landed; a row lacks
// what is NULL.
type Rows struct {
	Source           Column[uint32]
	Monitor          Column[uint16]
	Kind             Column[uint8]
	Direction        Column[uint8]
	First, Last      Column[int64] // ns since the epoch
	SrcHi, SrcLo     Column[uint64]
	DstHi, DstLo     Column[uint64]
	SrcPort, DstPort Column[uint16]
	Protocol, TOS    Column[uint8]
	TCPFlags         Column[uint8]
	FlowLabel        Column[uint32]
	InIf, OutIf      Column[uint32]
	Packets, Bytes   Column[uint64] // as sampled
	Reason           Column[uint8]

	// The table flow_rows lacks what follows; a batch with any of it goes to flow_rows_wide.
	VLAN                   Column[uint16]
	SrcMAC, DstMAC         Column[uint64]
	Label1, Label2, Label3 Column[uint32]
	VRF                    Column[uint32]
	SrcAS, DstAS           Column[uint32]
	SrcMask, DstMask       Column[uint8]
	NextHopHi, NextHopLo   Column[uint64]
	BGPHopHi, BGPHopLo     Column[uint64]
	WeightedPackets        Column[uint64]
	WeightedBytes          Column[uint64]
	VarPacketsHi           Column[uint64]
	VarPacketsLo           Column[uint64]
	VarBytesHi, VarBytesLo Column[uint64]
	SamplingRate           Column[float64]
	RateOrigin             Column[uint8] // NULL: RateUnsampled

	// Both lack what follows; a batch with any of it goes to flow_rows_full.
	InnerVLAN, EtherType Column[uint16]
	Deeper               [7]Column[uint32] // labels 4 to 10
	TTL, IPVersion       Column[uint8]
	MinLength, MaxLength Column[uint32]
	MinTTL, MaxTTL       Column[uint8]
}

// Label is the column of label i of the stack, 0 the outermost.
func (r *Rows) Label(i int) *Column[uint32] {
	if i < 3 {
		return [...]*Column[uint32]{&r.Label1, &r.Label2, &r.Label3}[i]
	}
	return &r.Deeper[i-3]
}

// Len is the number of rows.
func (r *Rows) Len() int { return r.First.Len() }

// Reset empties the rows and keeps their memory.
func (r *Rows) Reset() {
	for _, c := range r.columns() {
		c.col.reset()
	}
}

// column binds a field to its column of the table.
type column struct {
	name string
	typ  arrow.DataType
	col  interface {
		reset()
		empty() bool
		Len() int
		AppendNull(int)
		array(arrow.DataType) arrow.Array
	}
}

// Numbers of columns of the tables; those of a smaller one come first.
const (
	narrowColumns = 21
	wideColumns   = 44
)

// columns lists the columns.
func (r *Rows) columns() []column {
	u8, u16, u32, u64 := arrow.PrimitiveTypes.Uint8, arrow.PrimitiveTypes.Uint16, arrow.PrimitiveTypes.Uint32, arrow.PrimitiveTypes.Uint64
	ns := &arrow.TimestampType{Unit: arrow.Nanosecond}
	return []column{
		{"source", u32, &r.Source}, {"monitor", u16, &r.Monitor}, {"kind", u8, &r.Kind}, {"direction", u8, &r.Direction},
		{"first_time", ns, &r.First}, {"last_time", ns, &r.Last},
		{"src_hi", u64, &r.SrcHi}, {"src_lo", u64, &r.SrcLo}, {"dst_hi", u64, &r.DstHi}, {"dst_lo", u64, &r.DstLo},
		{"src_port", u16, &r.SrcPort}, {"dst_port", u16, &r.DstPort},
		{"protocol", u8, &r.Protocol}, {"tos", u8, &r.TOS}, {"tcp_flags", u8, &r.TCPFlags}, {"flow_label", u32, &r.FlowLabel},
		{"in_if", u32, &r.InIf}, {"out_if", u32, &r.OutIf}, {"packets", u64, &r.Packets}, {"bytes", u64, &r.Bytes}, {"reason", u8, &r.Reason},

		{"vlan", u16, &r.VLAN}, {"src_mac", u64, &r.SrcMAC}, {"dst_mac", u64, &r.DstMAC},
		{"mpls_label_1", u32, &r.Label1}, {"mpls_label_2", u32, &r.Label2}, {"mpls_label_3", u32, &r.Label3}, {"vrf", u32, &r.VRF},
		{"src_as", u32, &r.SrcAS}, {"dst_as", u32, &r.DstAS}, {"src_mask", u8, &r.SrcMask}, {"dst_mask", u8, &r.DstMask},
		{"next_hop_hi", u64, &r.NextHopHi}, {"next_hop_lo", u64, &r.NextHopLo},
		{"bgp_next_hop_hi", u64, &r.BGPHopHi}, {"bgp_next_hop_lo", u64, &r.BGPHopLo},
		{"weighted_packets", u64, &r.WeightedPackets}, {"weighted_bytes", u64, &r.WeightedBytes},
		{"var_packets_hi", u64, &r.VarPacketsHi}, {"var_packets_lo", u64, &r.VarPacketsLo},
		{"var_bytes_hi", u64, &r.VarBytesHi}, {"var_bytes_lo", u64, &r.VarBytesLo},
		{"sampling_rate", arrow.PrimitiveTypes.Float64, &r.SamplingRate}, {"rate_origin", u8, &r.RateOrigin},

		{"inner_vlan", u16, &r.InnerVLAN}, {"ethertype", u16, &r.EtherType},
		{"mpls_label_4", u32, &r.Deeper[0]}, {"mpls_label_5", u32, &r.Deeper[1]}, {"mpls_label_6", u32, &r.Deeper[2]},
		{"mpls_label_7", u32, &r.Deeper[3]}, {"mpls_label_8", u32, &r.Deeper[4]}, {"mpls_label_9", u32, &r.Deeper[5]},
		{"mpls_label_10", u32, &r.Deeper[6]}, {"ttl", u8, &r.TTL}, {"ip_version", u8, &r.IPVersion},
		{"min_length", u32, &r.MinLength}, {"max_length", u32, &r.MaxLength}, {"min_ttl", u8, &r.MinTTL}, {"max_ttl", u8, &r.MaxTTL},
	}
}

// Complete makes every column that is shorter than the rows NULL to their end.
func (r *Rows) Complete() {
	n := r.Len()
	for _, c := range r.columns() {
		c.col.AppendNull(n - c.col.Len())
	}
}
