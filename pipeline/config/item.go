package config

import "reflect"

// defaulter has defaults of its own, for values that the defaults of the whole don't hold.
type defaulter interface{ SetDefaults() }

// newItem returns a new value of type t, with its own defaults, that has an address.
func newItem(t reflect.Type) reflect.Value {
	p := reflect.New(t)
	if d, ok := p.Interface().(defaulter); ok {
		d.SetDefaults()
	}
	return p.Elem()
}

// settable returns a pointer to a copy of what v holds or points to, so that a default shared by
// pointer stays as it was; assign puts it back.
func settable(v reflect.Value) reflect.Value {
	switch {
	case v.Kind() != reflect.Pointer:
		p := reflect.New(v.Type())
		p.Elem().Set(v)
		return p
	case v.IsNil():
		return newItem(v.Type().Elem()).Addr()
	default:
		p := reflect.New(v.Type().Elem())
		p.Elem().Set(v.Elem())
		return p
	}
}

func assign(v, target reflect.Value) {
	if v.Kind() == reflect.Pointer {
		v.Set(target)
	} else {
		v.Set(target.Elem())
	}
}
