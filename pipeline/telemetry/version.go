package telemetry

import "runtime/debug"

// Version is that of the program: its module's, and the commit it was built from.
func Version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	v := info.Main.Version
	commit, changed := "", ""
	for _, s := range info.Settings {
		switch {
		case s.Key == "vcs.revision":
			commit = s.Value[:min(len(s.Value), 12)]
		case s.Key == "vcs.modified" && s.Value == "true":
			changed = " with changes"
		}
	}
	if v == "" || v == "(devel)" {
		v = "development version"
	}
	if commit != "" {
		v += " (commit " + commit + changed + ")"
	}
	return v
}
