package config

import "strings"

// nearest returns the name closest to the given one, or "" when none is close enough to be what
// was meant: one letter in three may differ. A name cut short is close as well.
func nearest(name string, names []string) string {
	best, limit := "", (len(name)+2)/3
	for _, n := range names {
		if d := distance(strings.ToLower(name), strings.ToLower(n), limit); d <= limit {
			best, limit = n, d-1
		}
	}
	for _, n := range names {
		if best == "" && len(name) > 2 && strings.HasPrefix(n, strings.ToLower(name)) {
			best = n
		}
	}
	return best
}

// distance is the edit distance (insert, delete, replace) of two names in bytes; anything over the
// limit may come back as any number over the limit.
func distance(a, b string, limit int) int {
	if d := len(a) - len(b); d > limit || -d > limit {
		return limit + 1
	}
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			change := diagonal
			if a[i] != b[j] {
				change++
			}
			diagonal = row[j+1]
			row[j+1] = min(change, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
