package exporter

import (
	"netstream/pipeline/config"
	"netstream/services/exporter/internal/encode"
)

// Profile names the devices whose templates version 9 and IPFIX follow in the width of their fields.
type Profile string

// The profiles. NoProfile has the widths of this exporter.
const (
	NoProfile     Profile = ""
	ProfileIPFIX  Profile = "ipfix"  // wide fields throughout
	ProfileHuawei Profile = "huawei" // NetEngine with index-switch 16 and as-mode 16, as it comes (spec section 4.5)
	ProfileH3C    Profile = "h3c"    // as its captures have it (spec section 4.4)
	ProfileCisco  Profile = "cisco"  // indexes as captures of a 1941 and an ASR 1001-X have them, the rest by default as in RFC 3954 section 8
)

var profileWidths = map[Profile]encode.Widths{
	NoProfile:     {},
	ProfileIPFIX:  {Index: 32, AS: 32, Counter: 64},
	ProfileHuawei: {Index: 16, AS: 16, Counter: 32},
	ProfileH3C:    {Index: 32, AS: 32, Counter: 64},
	ProfileCisco:  {Index: 32, AS: 16, Counter: 32},
}

const profileNames = string(ProfileIPFIX + ", " + ProfileHuawei + ", " + ProfileH3C + " or " + ProfileCisco)

// UnmarshalText implements encoding.TextUnmarshaler and refuses unknown profiles.
func (p *Profile) UnmarshalText(text []byte) error {
	if _, ok := profileWidths[Profile(text)]; !ok {
		return config.Problem{Value: string(text), Want: profileNames}
	}
	*p = Profile(text)
	return nil
}

// validateProfile reports widths that there are not, and settings of templates where the fields are fixed.
func (d Destination) validateProfile(ps *config.Problems) {
	if _, ok := profileWidths[d.Profile]; !ok {
		ps.Addf("profile", string(d.Profile), "%s", profileNames)
	}
	const none = "none with format %s, whose fields are fixed"
	fixed := d.Format == V5 || d.Format == V8
	width := func(key string, bits, narrow, wide int) {
		switch {
		case bits == 0:
		case fixed:
			ps.Addf(key, bits, none, d.Format)
		case bits != narrow && bits != wide:
			ps.Addf(key, bits, "%d or %d, or 0 for that of the profile", narrow, wide)
		}
	}
	if fixed && d.Profile != NoProfile {
		ps.Addf("profile", string(d.Profile), none, d.Format)
	}
	width("index_width", d.IndexWidth, 16, 32)
	width("as_width", d.ASWidth, 16, 32)
	width("counter_width", d.CounterWidth, 32, 64)
	if fixed && d.EndReason {
		ps.Addf("end_reason", d.EndReason, none, d.Format)
	}
}

// widths are those of the profile but where there is a setting.
func (d Destination) widths() encode.Widths {
	w := profileWidths[d.Profile]
	if d.IndexWidth != 0 {
		w.Index = d.IndexWidth
	}
	if d.ASWidth != 0 {
		w.AS = d.ASWidth
	}
	if d.CounterWidth != 0 {
		w.Counter = d.CounterWidth
	}
	return w
}
