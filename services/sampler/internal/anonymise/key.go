package anonymise

import (
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
)

// ErrKey is met when a file holds no key.
var ErrKey = errors.New("no key")

// howToMake tells how to make a key file.
const howToMake = "make one with: head -c 32 /dev/urandom >KEY; chmod 600 KEY"

// Load makes an anonymiser with the key in a file: 32 bytes, or 64 hexadecimal digits.
func Load(path string) (*Anonymiser, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("anonymisation key: %w; %s", err, howToMake)
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, 4096))
	if err != nil {
		return nil, fmt.Errorf("anonymisation key: %w", err)
	}
	if len(text) == KeySize {
		return New([KeySize]byte(text)), nil
	}
	key, err := hex.DecodeString(strings.TrimSpace(string(text)))
	if err != nil || len(key) != KeySize {
		return nil, fmt.Errorf("%w in %s: it holds %d bytes, want %d, or %d hexadecimal digits; %s", ErrKey, path, len(text), KeySize, 2*KeySize, howToMake)
	}
	return New([KeySize]byte(key)), nil
}
