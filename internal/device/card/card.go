// Package card writes the meter's memory card: a folder with one CSV file per month, such as H2611.CSV for November
// 2026. Each file begins with a header line; each row begins with the record's sequence number and ends with a
// checksum.
//
// Start at [New]. The card is a copy of what the meter stores elsewhere, and never controls the meter. The display
// shows the closed days on it ([Card.Rows]). Before it writes, the package reads the newest good row and continues from
// there. It does so also after the card was missing, full, swapped or torn in the middle of a write. It cuts off the
// spoilt end of a file before it adds the next row. It leaves spoilt lines in the middle; whoever reads the file finds
// them by their checksums ([Parse]). It renames a file without one good row to H2611.BAD, because its contents may
// still be of use, and begins a new one.
package card

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/paywatt/paywatt/internal/device/board"
)

// Header is the first line of every file.
const Header = "seq,at,clock,kind,register_wh,balance_wh,w,record,crc"

// fieldCount is how many fields a row has.
const fieldCount = 9

// pattern matches the files of a meter on a card; other files are left alone.
const pattern = "H[0-9][0-9][0-9][0-9].CSV"

const (
	// maxTail bounds how much of a file is read to find its newest row.
	maxTail = 1 << 20
	// maxAside is how many spoilt files of one month are set aside. With more, the card is treated as defective.
	maxAside = 10
)

var (
	// ErrRow is returned for a line that is not a whole row.
	ErrRow = errors.New("no whole row")
	// ErrSpoilt is returned for a card whose files are spoilt again and again.
	ErrSpoilt = errors.New("too many spoilt files")
)

// Card is a card in a folder. The folder may come and go.
type Card struct {
	dir string
}

// New returns the card in a folder, which need not exist yet. It never creates the folder: without one there is no card
// in the slot.
func New(dir string) *Card { return &Card{dir: dir} }

// Name returns the name of the file for the month of a record's own time.
func Name(at time.Time) string { return at.UTC().Format("H0601") + ".CSV" }

// Last implements board.Card. The newest row is the one with the highest number in any file, because the meter writes
// into an older month again after its clock was set back.
func (c *Card) Last() (uint64, error) {
	if _, err := os.Stat(c.dir); err != nil {
		return 0, fmt.Errorf("memory card: %w", err)
	}
	names, err := filepath.Glob(filepath.Join(c.dir, pattern))
	if err != nil {
		return 0, fmt.Errorf("memory card: %w", err)
	}
	var last uint64
	for _, name := range names {
		t, err := tailOf(name)
		if err != nil {
			return 0, fmt.Errorf("memory card: %w", err)
		}
		last = max(last, t.seq)
	}
	return last, nil
}

// tail describes the end of a file: the number of its newest good row, 0 for none, and the offset where that row or the
// header ends.
type tail struct {
	seq uint64
	end int64
	// spoilt says that the file has contents, but no good row in the part that was read. A header torn by a power cut does
	// not count as contents.
	spoilt bool
}

func tailOf(name string) (tail, error) {
	f, err := os.Open(name)
	if err != nil {
		return tail{}, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return tail{}, err
	}
	from := max(0, info.Size()-maxTail)
	b := make([]byte, info.Size()-from)
	if _, err := f.ReadAt(b, from); err != nil && !errors.Is(err, io.EOF) {
		return tail{}, err
	}
	none := tail{spoilt: from > 0 || !strings.HasPrefix(Header, string(b))}
	for len(b) > 0 {
		line := b[bytes.LastIndexByte(b[:len(b)-1], '\n')+1:]
		begin := len(b) - len(line)
		if line[len(line)-1] == '\n' {
			text := string(bytes.TrimSuffix(line, []byte("\n")))
			if row, err := Parse(text); err == nil {
				return tail{seq: row.Seq, end: from + int64(len(b))}, nil
			}
			if text == Header && from+int64(begin) == 0 {
				return tail{end: int64(len(b))}, nil
			}
		}
		b = b[:begin]
	}
	return none, nil
}

// setAside renames a spoilt file: H2611.CSV to H2611.BAD, and the next ones to H2611.BA1 and so on.
func setAside(name string) error {
	base := strings.TrimSuffix(name, filepath.Ext(name))
	for n := range maxAside {
		to := base + ".BAD"
		if n > 0 {
			to = fmt.Sprintf("%s.BA%d", base, n)
		}
		if _, err := os.Lstat(to); errors.Is(err, fs.ErrNotExist) {
			return os.Rename(name, to)
		}
	}
	return fmt.Errorf("%w: %s", ErrSpoilt, filepath.Base(name))
}

// Write implements board.Card.
func (c *Card) Write(rows []board.Row) error {
	for len(rows) > 0 {
		name := Name(rows[0].At)
		n := 1
		for n < len(rows) && Name(rows[n].At) == name {
			n++
		}
		if err := c.month(filepath.Join(c.dir, name), rows[:n]); err != nil {
			return fmt.Errorf("memory card: %w", err)
		}
		rows = rows[n:]
	}
	return nil
}

// month appends rows to one file, after its last good row.
func (c *Card) month(name string, rows []board.Row) (err error) {
	t, err := tailOf(name)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if t.spoilt {
		if err := setAside(name); err != nil {
			return err
		}
	}
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE, 0o644)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	var b bytes.Buffer
	if t.end == 0 {
		b.WriteString(Header + "\n")
	}
	for _, r := range rows {
		b.WriteString(Format(r) + "\n")
	}
	if err := f.Truncate(t.end); err != nil {
		return err
	}
	if _, err := f.WriteAt(b.Bytes(), t.end); err != nil {
		return err
	}
	return f.Sync()
}

// Format returns a row as a line, without the line end.
func Format(r board.Row) string {
	fields := []string{strconv.FormatUint(r.Seq, 10), r.At.UTC().Format(time.RFC3339), r.Clock, r.Kind, "", "", "", r.Record}
	if r.Energy {
		fields[4], fields[5] = strconv.FormatInt(int64(r.Register), 10), strconv.FormatInt(int64(r.Balance), 10)
		fields[6] = strconv.FormatInt(int64(r.Power), 10)
	}
	var b strings.Builder
	w := csv.NewWriter(&b)
	// A strings.Builder never returns an error.
	_ = w.Write(fields)
	w.Flush()
	line := strings.TrimSuffix(b.String(), "\n")
	return fmt.Sprintf("%s,%08X", line, crc32.ChecksumIEEE([]byte(line)))
}

// Row is a parsed line of the card.
type Row struct {
	Seq    uint64
	At     time.Time
	Kind   string
	Record string
}

// Parse reads a line and checks its checksum: the CRC-32 of IEEE 802.3 over everything before its comma.
func Parse(line string) (Row, error) {
	if err := whole(line); err != nil {
		return Row{}, err
	}
	fields, err := csv.NewReader(strings.NewReader(line)).Read()
	if err != nil || len(fields) != fieldCount {
		return Row{}, fmt.Errorf("%w: %d fields instead of %d", ErrRow, len(fields), fieldCount)
	}
	seq, err := strconv.ParseUint(fields[0], 10, 64)
	if err != nil {
		return Row{}, fmt.Errorf("%w: no number", ErrRow)
	}
	when, err := time.Parse(time.RFC3339, fields[1])
	if err != nil {
		return Row{}, fmt.Errorf("%w: no time", ErrRow)
	}
	return Row{Seq: seq, At: when, Kind: fields[3], Record: fields[7]}, nil
}

// whole checks the checksum of a line.
func whole(line string) error {
	at := strings.LastIndexByte(line, ',')
	if at < 0 {
		return ErrRow
	}
	want, err := strconv.ParseUint(line[at+1:], 16, 32)
	if err != nil || uint32(want) != crc32.ChecksumIEEE([]byte(line[:at])) {
		return fmt.Errorf("%w: the checksum does not match", ErrRow)
	}
	return nil
}
