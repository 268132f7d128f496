// Package ipfix encodes and decodes IPFIX messages (RFC 7011). FORMAT.md beside this file has the byte tables and an
// example.
//
// IPFIX is version 9 with another header, fields of enterprises and templates that can be withdrawn. Elements have the numbers of
// package nsv9, and what a template says of its records is read by that package's layouts and plans:
//
//	Open -> Sets.Next -> Set --- template set --> Set.Templates -> Template -> Compile -> nsv9.Layout, nsv9.Plan
//	                         \-- data set ------> Layout.Records or Plan.Append          (kept by the caller)
//
// Writing goes through an Encoder, which fills a buffer of the caller up to the size the path allows.
package ipfix

// Sizes of the format in bytes, and limits.
const (
	Version   = 10
	HeaderLen = 16
	// MaxLen is the largest message: its length has 16 bits.
	MaxLen = 65535
	// MaxFields bounds the fields of a template that is accepted.
	MaxFields = 1024
	// MinDataID is the smallest template id and data set id.
	MinDataID = 256
)

// Set ids below MinDataID. All others below it are reserved, 0 and 1 for version 9.
const (
	templateSetID        = 2
	optionsTemplateSetID = 3
)

// Reverse is the enterprise number of the elements of RFC 5103, which count the other direction of a flow: their ids are those of
// the forward elements.
const Reverse = 29305
