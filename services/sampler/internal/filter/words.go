package filter

import (
	"fmt"
	"strings"
)

// word is a word of an expression and where it begins.
type word struct {
	text string
	at   int // 1 is the first character
}

// maxExpression bounds an expression; the kernel takes programs of 4,096 instructions.
const maxExpression = 4096

// split cuts an expression into words; parentheses and ! are words of their own.
func split(expression string) ([]word, error) {
	if len(expression) > maxExpression {
		return nil, fmt.Errorf("%d characters, want at most %d", len(expression), maxExpression)
	}
	var words []word
	for i := 0; i < len(expression); {
		switch c := expression[i]; {
		case c == ' ' || c == '\t' || c == '\n':
			i++
		case c == '(' || c == ')':
			words = append(words, word{string(c), i + 1})
			i++
		case c == '!':
			words = append(words, word{"not", i + 1})
			i++
		case strings.HasPrefix(expression[i:], "&&"), strings.HasPrefix(expression[i:], "||"):
			words = append(words, word{map[byte]string{'&': "and", '|': "or"}[c], i + 1})
			i += 2
		case strings.IndexByte("[]<>=&|+*", c) >= 0:
			return nil, fmt.Errorf("character %d: arithmetic isn't supported", i+1)
		default:
			end := i
			for end < len(expression) && strings.IndexByte(" \t\n()![]<>=&|", expression[end]) < 0 {
				end++
			}
			words = append(words, word{expression[i:end], i + 1})
			i = end
		}
	}
	return words, nil
}
