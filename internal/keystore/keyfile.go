package keystore

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"io"

	"github.com/paywatt/paywatt/sts"
)

// maxKeyFile is the largest key file that is read, in bytes. It is far more than a key needs: a key with many trailing blanks is still
// read, and a wrong file is refused.
const maxKeyFile = 4096

// ErrKeyFile is wrapped by every error about a key file. No such error quotes the file.
var ErrKeyFile = errors.New("not a key file")

// ReadVendingKey reads a key file: one line of hexadecimal digits, blanks ignored, of 8 bytes (DKGA 02) or 20 bytes (DKGA 04). The error
// names the fault and its place, but never quotes the file.
func ReadVendingKey(r io.Reader) (sts.VendingKey, error) {
	text, err := io.ReadAll(io.LimitReader(r, maxKeyFile+1))
	defer clear(text)
	if err != nil {
		return sts.VendingKey{}, fmt.Errorf("read key file: %w", err)
	}
	if len(text) > maxKeyFile {
		return sts.VendingKey{}, fmt.Errorf("%w: longer than %d characters", ErrKeyFile, maxKeyFile)
	}
	digits, err := hexLine(text)
	defer clear(digits)
	if err != nil {
		return sts.VendingKey{}, err
	}
	raw := make([]byte, len(digits)/2)
	defer clear(raw)
	if _, err := hex.Decode(raw, digits); err != nil {
		return sts.VendingKey{}, fmt.Errorf("%w: an odd number of hexadecimal digits (%d): one is missing or too many", ErrKeyFile, len(digits))
	}
	switch len(raw) {
	case sts.DKGA02.KeySize(), sts.DKGA04.KeySize():
		return sts.NewVendingKey(raw)
	case sts.DKGA04.KeySize() + 1:
		return sts.VendingKey{}, fmt.Errorf("%w: 21 bytes; a vending key has 8 (DKGA 02) or 20 (DKGA 04). Some lists print the number base 16 behind the key: leave it out", ErrKeyFile)
	default:
		return sts.VendingKey{}, fmt.Errorf("%w: %d bytes; a vending key has 8 (DKGA 02) or 20 (DKGA 04)", ErrKeyFile, len(raw))
	}
}

// hexLine returns the hexadecimal digits of the only line that has any.
func hexLine(text []byte) ([]byte, error) {
	digits := make([]byte, 0, len(text))
	line, found := 0, 0
	for l := range bytes.Lines(text) {
		line++
		for i, c := range l {
			switch {
			case c == ' ' || c == '\t' || c == '\r' || c == '\n':
				continue
			case c >= '0' && c <= '9' || c >= 'a' && c <= 'f' || c >= 'A' && c <= 'F':
			default:
				return digits, fmt.Errorf("%w: line %d, character %d is not a hexadecimal digit", ErrKeyFile, line, i+1)
			}
			if found == 0 {
				found = line
			}
			if found != line {
				return digits, fmt.Errorf("%w: a second line of digits (line %d); a key file holds one key on one line", ErrKeyFile, line)
			}
			digits = append(digits, c)
		}
	}
	if len(digits) == 0 {
		return digits, fmt.Errorf("%w: it is empty", ErrKeyFile)
	}
	return digits, nil
}
