package capture

import "netstream/services/sampler/internal/packet"

const (
	// maxInterfaces bounds the descriptions kept for one file.
	maxInterfaces = 1 << 16
	// maxText bounds what is kept of an interface's name and description.
	maxText = 256
)

// Options of an Interface Description Block.
const (
	optEnd         = 0
	optName        = 2
	optDescription = 3
	optSpeed       = 8
	optTSResol     = 9
	optTSOffset    = 14
)

// describe reads an Interface Description Block: link type u16, reserved u16, snap length u32, options.
func (f *pcapng) describe(r *Reader, body []byte) error {
	if len(body) < 8 {
		return r.fault(ErrBroken, "an interface description of %d bytes", len(body)+blockOverhead)
	}
	if len(r.interfaces) == maxInterfaces {
		return r.fault(ErrBroken, "more than %d interfaces", maxInterfaces)
	}
	i := Interface{LinkType: f.u16(body), SnapLen: f.u32(body[4:])}
	p := port{
		linkType:    i.LinkType,
		unsupported: !packet.SupportedLinkType(i.LinkType),
		snapLen:     i.SnapLen,
		resolution:  micro,
	}
	for b := body[8:]; len(b) >= 4; {
		code, length := f.u16(b), int(f.u16(b[2:]))
		if code == optEnd || length > len(b)-4 {
			break // options are hints; a broken list ends them, not the capture
		}
		value := b[4 : 4+length]
		switch {
		case code == optName:
			i.Name = string(value[:min(length, maxText)])
		case code == optDescription:
			i.Description = string(value[:min(length, maxText)])
		case code == optSpeed && length == 8:
			i.Speed = f.u64(value)
		case code == optTSResol && length >= 1:
			p.resolution.setUnit(value[0])
		case code == optTSOffset && length == 8:
			p.resolution.offset = int64(f.u64(value))
		}
		b = b[min(4+(length+3)&^3, len(b)):]
	}
	r.interfaces = append(r.interfaces, i)
	f.ports = append(f.ports, p)
	return nil
}

func (f *pcapng) u64(b []byte) uint64 {
	if f.swap {
		return uint64(f.u32(b))<<32 | uint64(f.u32(b[4:]))
	}
	return uint64(f.u32(b[4:]))<<32 | uint64(f.u32(b))
}
