// Package nsv9 encodes and decodes NetStream (NetFlow) version 9 datagrams (RFC 3954). FORMAT.md beside this file has
// the byte tables and an example.
//
// A datagram is a header and a row of flowsets. Template flowsets say how records look; data flowsets hold records and
// name their template by number. The package keeps no state: which template a number means for an exporter and source
// id is known by the caller, who stores compiled templates.
//
//	Open -> Sets.Next -> Set --- template set --> Set.Templates -> Template -> Compile -> Layout -> NewPlan -> Plan
//	                         \-- data set ------> Layout.Records or Plan.Append          (kept by the caller)
//
// Writing goes through an Encoder, which fills a buffer of the caller up to the size the path allows.
package nsv9

// Sizes of the format in bytes, and limits.
const (
	Version   = 9
	HeaderLen = 20
	// MaxLen is the largest UDP payload over IPv4.
	MaxLen = 65507
	// MaxFields bounds the fields, scope fields included, of a template that is accepted.
	MaxFields = 1024
	// MinDataID is the smallest template id and data flowset id.
	MinDataID = 256
)

// Flowset ids below MinDataID. All others below it are reserved.
const (
	templateSetID        = 0
	optionsTemplateSetID = 1
)
