// Package cardtest reads back a whole memory card, so that tests can compare it with the meter's records.
package cardtest

import (
	"bufio"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"github.com/paywatt/paywatt/internal/device/card"
)

// longest is the length of the longest line of a card, in bytes.
const longest = 1 << 20

// Checked is the result of reading a whole card.
type Checked struct {
	// Rows are the good rows in the order of their numbers, without duplicates.
	Rows []card.Row
	// Bad counts the lines that are neither a good row nor a header.
	Bad int
}

// Check reads a whole card.
func Check(dir string) (Checked, error) {
	names, err := filepath.Glob(filepath.Join(dir, "H*.CSV"))
	if err != nil {
		return Checked{}, fmt.Errorf("check memory card: %w", err)
	}
	var all Checked
	for _, name := range names {
		if err := all.file(name); err != nil {
			return Checked{}, fmt.Errorf("check memory card: %w", err)
		}
	}
	slices.SortStableFunc(all.Rows, func(a, b card.Row) int {
		switch {
		case a.Seq < b.Seq:
			return -1
		case a.Seq > b.Seq:
			return 1
		}
		return 0
	})
	all.Rows = slices.CompactFunc(all.Rows, func(a, b card.Row) bool { return a.Seq == b.Seq })
	return all, nil
}

func (k *Checked) file(name string) error {
	f, err := os.Open(name)
	if err != nil {
		return err
	}
	defer f.Close()
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, longest)
	for lines.Scan() {
		if lines.Text() == card.Header {
			continue
		}
		row, err := card.Parse(lines.Text())
		if err != nil {
			k.Bad++
			continue
		}
		k.Rows = append(k.Rows, row)
	}
	return lines.Err()
}
