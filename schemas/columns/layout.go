package columns

import "fmt"

// Type numbers of a field (Arrow columnar format, Schema.fbs). All others are nested, shared or of no use here.
const (
	typeInt             = 2
	typeBinary          = 4
	typeString          = 5
	typeFixedSizeBinary = 15
	typeDuration        = 18
	typeLargeBinary     = 19
	typeLargeString     = 20
)

// layout is how the values of a column lie in its buffers.
type layout struct {
	kind   uint8
	width  int // bits of an integer, bytes of a fixed-size binary; 0 elsewhere
	signed bool
}

// layoutOf reads the layout out of a field; what is dictionary-encoded or nested has none.
func layoutOf(f table) layout {
	l := layout{kind: f.byteAt(2)}
	if _, dictionary := f.tableAt(4); dictionary || f.vectorAt(5, 4).n > 0 {
		return layout{}
	}
	t, _ := f.tableAt(3)
	switch l.kind {
	case typeInt:
		l.width, l.signed = t.i32At(0), t.byteAt(1) != 0
	case typeFixedSizeBinary:
		l.width = t.i32At(0)
	}
	return l
}

// buffers is how many buffers a column has in a record batch, with the validity bitmap; 0 is unknown.
func (l layout) buffers() int {
	switch k := l.kind; {
	case k == typeBinary || k == typeString || k == typeLargeBinary || k == typeLargeString:
		return 3 // validity, offsets, data
	case k >= typeInt && k <= 11 || k == typeFixedSizeBinary || k == typeDuration:
		return 2 // validity, values: numbers, booleans, decimals, dates, times and intervals too
	}
	return 0
}

// String is the Arrow name of the types a column can have here.
func (l layout) String() string {
	switch {
	case l.kind == typeInt && l.signed:
		return fmt.Sprintf("int%d", l.width)
	case l.kind == typeInt:
		return fmt.Sprintf("uint%d", l.width)
	case l.kind == typeFixedSizeBinary:
		return fmt.Sprintf("fixed_size_binary[%d]", l.width)
	case l.kind == typeBinary:
		return "binary"
	}
	return fmt.Sprintf("type %d", l.kind)
}
