// Package questions holds the SQL that answers what people ask most: a file a question, its title and description in
// the comment at its head. API, command line and GUI all use these files.
package questions

import (
	"embed"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// ErrUnknown is met when there is no question of that name.
var ErrUnknown = errors.New("unknown question")

//go:embed *.sql
var files embed.FS

// filter is the file that goes before each question.
const filterFile = "filter.sql"

// Question is one of them.
type Question struct {
	Name        string   `json:"name"`
	Title       string   `json:"title"`
	Description string   `json:"description"`
	Parameters  []string `json:"parameters"`
	SQL         string   `json:"sql"` // with the parameters as $name
}

// All lists the questions by name.
func All() []Question { return slices.Clone(all) }

// Find returns the question of that name.
func Find(name string) (Question, error) {
	var names []string
	for _, q := range all {
		if q.Name == name {
			return q, nil
		}
		names = append(names, q.Name)
	}
	return Question{}, fmt.Errorf("%w: %q, want one of %s", ErrUnknown, name, strings.Join(names, ", "))
}

// all are read once: the files are part of the program.
var all = load()

var parameterName = regexp.MustCompile(`\$[a-z]+`)

func load() []Question {
	filter := comments.ReplaceAllString(read(filterFile), "")
	entries, err := files.ReadDir(".")
	if err != nil {
		panic(err) // the embedded directory is always there
	}
	var out []Question
	for _, e := range entries {
		if e.Name() == filterFile {
			continue
		}
		text := read(e.Name())
		head := comments.FindString(text)
		title, description, _ := strings.Cut(strings.TrimSpace(strings.ReplaceAll(head, "-- ", "")), "\n")
		q := Question{
			Name: strings.TrimSuffix(e.Name(), ".sql"), Title: title,
			Description: strings.Join(strings.Fields(description), " "),
			SQL:         filter + text[len(head):],
		}
		for _, p := range parameterName.FindAllString(q.SQL, -1) {
			if name := p[1:]; !slices.Contains(q.Parameters, name) {
				q.Parameters = append(q.Parameters, name)
			}
		}
		out = append(out, q)
	}
	return out
}

// comments are the lines of comment at the head of a file.
var comments = regexp.MustCompile(`^(--.*\n)+`)

func read(name string) string {
	b, err := files.ReadFile(name)
	if err != nil {
		panic(err) // listed by the directory, so embedded
	}
	return string(b)
}
