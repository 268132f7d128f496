package interfaces

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// System lists the interfaces of this machine as they are now, by number.
func System() (Config, error) {
	all, err := net.Interfaces()
	if err != nil {
		return nil, fmt.Errorf("interfaces of this machine: %w", err)
	}
	var c Config
	for _, i := range all {
		c = append(c, Interface{Index: uint32(i.Index), Name: i.Name, Speed: systemSpeed(sysfs, i.Name)})
	}
	return c, nil
}

// sysfs is where Linux tells the speed of an interface, in Mbit/s (sysfs-class-net).
const sysfs = "/sys/class/net"

// systemSpeed is the speed that the system tells; 0 where it tells none, as of loopback and of what is down (-1).
func systemSpeed(sysfs, name string) Speed {
	text, err := os.ReadFile(filepath.Join(sysfs, name, "speed"))
	if err != nil {
		return 0
	}
	megabits, err := strconv.ParseUint(strings.TrimSpace(string(text)), 10, 32)
	if err != nil {
		return 0
	}
	return Speed(megabits) * 1e6
}
