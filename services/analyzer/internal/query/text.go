package query

import (
	"encoding/hex"
	"fmt"
	"math"
	"math/big"
	"strconv"
	"time"

	"github.com/duckdb/duckdb-go/v2"
)

// exact is the largest whole number that every JSON reader gets right: 2^53.
const exact = 1 << 53

// scalar writes a value as text; number says that the text is a JSON number.
func scalar(dst []byte, v any, typ string) (text []byte, number bool) {
	switch v := v.(type) {
	case string:
		return append(dst, v...), false
	case bool:
		return strconv.AppendBool(dst, v), true
	case int8:
		return strconv.AppendInt(dst, int64(v), 10), true
	case int16:
		return strconv.AppendInt(dst, int64(v), 10), true
	case int32:
		return strconv.AppendInt(dst, int64(v), 10), true
	case int64:
		return strconv.AppendInt(dst, v, 10), -exact <= v && v <= exact
	case uint8:
		return strconv.AppendUint(dst, uint64(v), 10), true
	case uint16:
		return strconv.AppendUint(dst, uint64(v), 10), true
	case uint32:
		return strconv.AppendUint(dst, uint64(v), 10), true
	case uint64:
		return strconv.AppendUint(dst, v, 10), v <= exact
	case *big.Int:
		return v.Append(dst, 10), v.IsInt64() && -exact <= v.Int64() && v.Int64() <= exact
	case float32:
		return appendFloat(dst, float64(v), 32)
	case float64:
		return appendFloat(dst, v, 64)
	case duckdb.Decimal:
		return append(dst, v.String()...), false
	case time.Time:
		return v.UTC().AppendFormat(dst, layout(typ)), false
	case []byte:
		if typ == "UUID" && len(v) == 16 {
			return fmt.Appendf(dst, "%x-%x-%x-%x-%x", v[:4], v[4:6], v[6:8], v[8:10], v[10:]), false
		}
		return hex.AppendEncode(dst, v), false
	case duckdb.Interval:
		return fmt.Appendf(dst, "%d months %d days %d us", v.Months, v.Days, v.Micros), false
	default:
		return fmt.Append(dst, v), false
	}
}

// appendFloat writes the shortest text that reads back the same. JSON has no infinities and no NaN: they are text.
func appendFloat(dst []byte, v float64, bits int) ([]byte, bool) {
	finite := !math.IsInf(v, 0) && !math.IsNaN(v)
	format := byte('f')
	if a := math.Abs(v); a != 0 && (a < 1e-6 || a >= 1e21) {
		format = 'e'
	}
	return strconv.AppendFloat(dst, v, format, -1, bits), finite
}

// layout is ISO 8601 with as many digits as the type has.
func layout(typ string) string {
	switch typ {
	case "TIMESTAMP_NS":
		return "2006-01-02T15:04:05.000000000Z"
	case "TIMESTAMP_MS":
		return "2006-01-02T15:04:05.000Z"
	case "TIMESTAMP_S":
		return "2006-01-02T15:04:05Z"
	case "DATE":
		return "2006-01-02"
	case "TIME", "TIMETZ":
		return "15:04:05.000000"
	default:
		return "2006-01-02T15:04:05.000000Z"
	}
}
