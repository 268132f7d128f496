// Package anonymise replaces IP addresses by Crypto-PAn: two addresses that begin with the same n bits become two that
// begin with the same n bits, and nobody without the key can turn them back (Xu, Fan, Ammar, Moon, "Prefix-Preserving IP
// Address Anonymization", ICNP 2002).
//
// Bit i of the result is bit i of the address, turned over if AES of the i bits before it, padded, begins with a one. So
// an IPv4 address takes 32 blocks and an IPv6 address 128; those met lately are remembered.
package anonymise

import (
	"crypto/aes"
	"crypto/cipher"
	"encoding/binary"
	"fmt"

	"github.com/zeebo/xxh3"
)

// Anonymiser replaces addresses. It is not safe for use by several goroutines.
type Anonymiser struct {
	block  cipher.Block
	pad    [aes.BlockSize]byte
	in     [aes.BlockSize]byte // of the block cipher, here so that it is not allocated
	out    [aes.BlockSize]byte
	ipv4   []memory4
	ipv6   []memory6
	shared uint64 // what tells keys apart without telling them
}

// memory4 and memory6 remember an address and what it becomes.
type memory4 struct {
	from, to uint32
	set      bool
}

type memory6 struct {
	from, to [16]byte
	set      bool
}

// remembered is how many addresses of each family are remembered: 64 Ki take 3 MiB.
const remembered = 1 << 16

// KeySize is the length of a key in bytes: the first half is the AES key, the second makes the padding.
const KeySize = 32

// New makes an anonymiser with a key.
func New(key [KeySize]byte) *Anonymiser {
	block, err := aes.NewCipher(key[:16])
	if err != nil {
		panic(err) // 16 bytes are a key
	}
	a := &Anonymiser{block: block, ipv4: make([]memory4, remembered), ipv6: make([]memory6, remembered)}
	block.Encrypt(a.pad[:], key[16:])
	block.Encrypt(a.out[:], a.pad[:])
	a.shared = xxh3.Hash(a.out[:])
	return a
}

// Fingerprint tells keys apart; the key can't be found from it.
func (a *Anonymiser) Fingerprint() string { return fmt.Sprintf("%016x", a.shared) }

// IPv4 is what becomes of an address, first octet highest.
func (a *Anonymiser) IPv4(addr uint32) uint32 {
	m := &a.ipv4[(addr*0x9e3779b1)>>16]
	if !m.set || m.from != addr {
		var b [4]byte
		binary.BigEndian.PutUint32(b[:], addr)
		a.flip(b[:])
		*m = memory4{addr, binary.BigEndian.Uint32(b[:]), true}
	}
	return m.to
}

// mapped begins the IPv6 addresses that stand for IPv4 ones.
var mapped = [12]byte{10: 0xff, 11: 0xff}

// IPv6 is what becomes of an address. One that stands for an IPv4 address becomes what stands for that address's.
func (a *Anonymiser) IPv6(addr [16]byte) [16]byte {
	if [12]byte(addr[:12]) == mapped {
		binary.BigEndian.PutUint32(addr[12:], a.IPv4(binary.BigEndian.Uint32(addr[12:])))
		return addr
	}
	m := &a.ipv6[xxh3.Hash(addr[:])%remembered]
	if !m.set || m.from != addr {
		*m = memory6{addr, addr, true}
		a.flip(m.to[:])
	}
	return m.to
}

// flip turns over the bits of an address.
func (a *Anonymiser) flip(addr []byte) {
	a.in = a.pad
	for i := range 8 * len(addr) {
		mask := byte(0x80) >> (i & 7)
		a.block.Encrypt(a.out[:], a.in[:])
		bit := addr[i>>3] & mask
		a.in[i>>3] = a.in[i>>3]&^mask | bit // the block of the next bit has this one in place of the padding
		if a.out[0]&0x80 != 0 {
			addr[i>>3] ^= mask
		}
	}
}
