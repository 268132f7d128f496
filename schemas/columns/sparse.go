package columns

// AppendSparse adds v as value n of an optional column whose zeros need not be there: the column ends behind its last value
// that isn't zero, and is empty as long as there is none. Before it is written, Pad must make it as long as the others.
func AppendSparse[T Value](s []T, n int, v T) []T {
	var zero T
	if v == zero {
		return s
	}
	return append(grow(s, n), v)
}

// Pad makes a column of a row set with n rows n values long, unless it is empty.
func Pad[T Value](s *[]T, n int) {
	if len(*s) > 0 {
		*s = grow(*s, n)
	}
}

// grow adds zeros.
func grow[T Value](s []T, n int) []T {
	if len(s) >= n {
		return s
	}
	return append(s, make([]T, n-len(s))...)
}

// At is value i of a column that ends behind its last value that isn't zero.
func At[T Value](s []T, i int) (v T) {
	if i < len(s) {
		return s[i]
	}
	return v
}
