package nsv5

// ASTrans stands for an AS number that does not fit 16 bits (RFC 6793). A reader treats it as unknown, not as an AS.
const ASTrans = 23456

// AS16 is the value for a 16-bit AS field: the number itself, or ASTrans, never the low 16 bits.
func AS16(as uint32) uint16 {
	if as > 0xffff {
		return ASTrans
	}
	return uint16(as)
}

// IfIndex16 is the value for a 16-bit interface field. An index above 65535 becomes 65535 with ok false, for the
// caller to count: version 9 with 32-bit indexes is the way out.
func IfIndex16(ifIndex uint32) (v uint16, ok bool) {
	if ifIndex > 0xffff {
		return 0xffff, false
	}
	return uint16(ifIndex), true
}
