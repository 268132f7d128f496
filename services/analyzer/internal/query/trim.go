package query

import "strings"

// trimEnd takes white space and semicolons off the end: a statement that ends in one can't stand in parentheses. One
// followed by a comment stays and is refused by the parser.
func trimEnd(statement string) string { return strings.TrimRight(statement, " \t\r\n;") }
