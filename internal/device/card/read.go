package card

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/paywatt/paywatt/internal/device/board"
)

// maxRead bounds how much of a month's file is read: more than a meter writes in a month. The rest counts as one spoilt
// line.
const maxRead = 16 << 20

// Months implements board.Card.
func (c *Card) Months() ([]time.Time, error) {
	if _, err := os.Stat(c.dir); err != nil {
		return nil, fmt.Errorf("memory card: %w", err)
	}
	names, err := filepath.Glob(filepath.Join(c.dir, pattern))
	if err != nil {
		return nil, fmt.Errorf("memory card: %w", err)
	}
	var months []time.Time
	for _, name := range names {
		month, err := time.Parse("H0601.CSV", filepath.Base(name))
		if err != nil {
			continue // H2613.CSV is not a month
		}
		if month.Year() < 2000 {
			month = month.AddDate(100, 0, 0) // the clock covers the years 2000 to 2099
		}
		months = append(months, month)
	}
	slices.SortFunc(months, func(a, b time.Time) int { return b.Compare(a) })
	return months, nil
}

// Rows implements board.Card.
func (c *Card) Rows(month time.Time, kind string) (rows []board.Row, spoilt int, err error) {
	f, err := os.Open(filepath.Join(c.dir, Name(month)))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, 0, nil
	}
	if err != nil {
		return nil, 0, fmt.Errorf("memory card: %w", err)
	}
	defer f.Close()
	lines := bufio.NewScanner(io.LimitReader(f, maxRead))
	lines.Buffer(nil, maxTail)
	for lines.Scan() {
		line := lines.Text()
		if line == Header {
			continue
		}
		// Most lines are of another kind, and only their checksum is checked.
		if !strings.Contains(line, ","+kind+",") && whole(line) == nil {
			continue
		}
		row, err := Parse(line)
		if err != nil {
			spoilt++
		} else if row.Kind == kind {
			rows = append(rows, board.Row{Seq: row.Seq, At: row.At, Kind: row.Kind, Record: row.Record})
		}
	}
	if err := lines.Err(); errors.Is(err, bufio.ErrTooLong) {
		spoilt++
	} else if err != nil {
		return nil, 0, fmt.Errorf("memory card: %w", err)
	}
	return rows, spoilt, nil
}
