package columns

// AppendSparse adds v as value n of an optional column that stays empty as long as all its values are zero.
func AppendSparse[T Value](s []T, n int, v T) []T {
	var zero T
	if len(s) == 0 {
		if v == zero {
			return s
		}
		s = append(s, make([]T, n)...)
	}
	return append(s, v)
}

// At is value i of a column that may be empty because all its values are zero.
func At[T Value](s []T, i int) (v T) {
	if len(s) > 0 {
		return s[i]
	}
	return v
}
