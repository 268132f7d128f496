package config

import (
	"encoding"
	"errors"
	"fmt"
	"math"
	"reflect"
	"strconv"
	"strings"
	"time"
)

// plain is a value that a message shows without quotes: as it stands in the file.
type plain string

// MarshalText implements encoding.TextMarshaler.
func (p plain) MarshalText() ([]byte, error) { return []byte(p), nil }

// wanted describes what a scalar of type t is written like; "" for a type that isn't a scalar.
func wanted(t reflect.Type) string {
	switch {
	case t == durationType:
		return "a duration such as 500ms, 15s or 1h30m"
	case isText(t):
		return "a text"
	}
	switch t.Kind() {
	case reflect.Bool:
		return "true or false"
	case reflect.String:
		return "a text"
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		if t.Bits() == 64 {
			return "a whole number"
		}
		return fmt.Sprintf("a whole number from %d to %d", -1<<(t.Bits()-1), 1<<(t.Bits()-1)-1)
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		if t.Bits() == 64 {
			return "a whole number, 0 or more"
		}
		return fmt.Sprintf("a whole number from 0 to %d", 1<<t.Bits()-1)
	case reflect.Float32, reflect.Float64:
		return "a number"
	default:
		return ""
	}
}

// isWord reports whether t is written as a text, with or without quotes.
func isWord(t reflect.Type) bool {
	return t == durationType || isText(t) || t.Kind() == reflect.String
}

// setScalar reads text into v, which is of scalar shape and no pointer. The problem it returns has
// neither key nor place.
func setScalar(v reflect.Value, text string) error {
	t := v.Type()
	wrong := Problem{Value: plain(text), Want: wanted(t)}
	switch {
	case t == durationType:
		d, err := time.ParseDuration(text)
		if err != nil {
			return wrong
		}
		v.SetInt(int64(d))
		return nil
	case isText(t):
		err := v.Addr().Interface().(encoding.TextUnmarshaler).UnmarshalText([]byte(text))
		if p, ok := errors.AsType[Problem](err); ok {
			return p
		}
		if err != nil {
			return Problem{Value: plain(text), fault: err.Error()}
		}
		return nil
	}
	switch t.Kind() {
	case reflect.Bool:
		switch text {
		case "true", "false":
			v.SetBool(text == "true")
		default:
			return wrong
		}
	case reflect.String:
		v.SetString(text)
	case reflect.Float32, reflect.Float64:
		f, err := strconv.ParseFloat(text, t.Bits())
		if err != nil || math.IsNaN(f) || math.IsInf(f, 0) {
			return wrong
		}
		v.SetFloat(f)
	default:
		if !setInteger(v, text) {
			return wrong
		}
	}
	return nil
}

// setInteger accepts 0x, 0o and 0b and underscores between digits, but no leading zero: YAML 1.1
// and 1.2 read 010 differently.
func setInteger(v reflect.Value, text string) bool {
	digits := strings.TrimLeft(text, "+-")
	if len(digits) > 1 && digits[0] == '0' && strings.ContainsRune("0123456789_", rune(digits[1])) {
		return false
	}
	if v.CanInt() {
		i, err := strconv.ParseInt(text, 0, v.Type().Bits())
		if err == nil {
			v.SetInt(i)
		}
		return err == nil
	}
	u, err := strconv.ParseUint(text, 0, v.Type().Bits())
	if err == nil {
		v.SetUint(u)
	}
	return err == nil
}

// scalarText is the inverse of setScalar; ok is false for what isn't a scalar.
func scalarText(v any) (text string, ok bool) {
	switch x := v.(type) {
	case time.Duration:
		return durationText(x), true
	case encoding.TextMarshaler:
		if rv := reflect.ValueOf(v); rv.Kind() == reflect.Pointer && rv.IsNil() {
			return "", false
		}
		b, err := x.MarshalText()
		return string(b), err == nil
	}
	switch rv := reflect.ValueOf(v); rv.Kind() {
	case reflect.String:
		return rv.String(), true
	case reflect.Float32, reflect.Float64:
		return strconv.FormatFloat(rv.Float(), 'g', -1, rv.Type().Bits()), true
	case reflect.Bool:
		return strconv.FormatBool(rv.Bool()), true
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return strconv.FormatInt(rv.Int(), 10), true
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return strconv.FormatUint(rv.Uint(), 10), true
	default:
		return "", false
	}
}

// durationText leaves out the zero units that Duration.String appends: 1m, not 1m0s.
func durationText(d time.Duration) string {
	s := d.String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}
