package monitor_test

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"netstream/schemas/key"
	"netstream/schemas/monitor"
)

// TestFormatPage holds the page of definitions to the code: kinds, and fields in their order.
func TestFormatPage(t *testing.T) {
	page, err := os.ReadFile("../message/FORMAT.md")
	if err != nil {
		t.Fatal(err)
	}
	_, section, ok := strings.Cut(string(page), "\n## Monitors\n")
	if !ok {
		t.Fatal("message/FORMAT.md has no section ## Monitors")
	}
	section, _, _ = strings.Cut(section, "\n## ")
	for _, kind := range monitor.KindNames() {
		if !strings.Contains(section, "`"+kind+"`") {
			t.Errorf("the page lacks kind %s", kind)
		}
	}
	list := section[strings.Index(section, "`src_addr`"):]
	var got []string
	for _, m := range regexp.MustCompile("`([a-z0-9_]+)`").FindAllStringSubmatch(list, -1) {
		got = append(got, m[1])
	}
	want := slices.DeleteFunc(slices.Clone(key.FieldNames()), func(name string) bool {
		return strings.HasPrefix(name, "mpls_label_") && name != "mpls_label_1" && name != "mpls_label_10" // "1 to 10"
	})
	if !slices.Equal(got, want) {
		t.Errorf("fields on the page %v, want %v", got, want)
	}
}
