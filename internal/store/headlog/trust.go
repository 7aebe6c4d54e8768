package headlog

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/paywatt/paywatt/internal/access"
	"github.com/paywatt/paywatt/internal/seal"
	"github.com/paywatt/paywatt/internal/store"
)

// Trust is what the folder holds besides the database.
type Trust struct {
	Public string // the public line of the seal key
	Heads  map[access.Tenant][]seal.Head
}

// ReadTrust reads the seal key and the heads that were kept outside the database. What is wrong with the heads is a finding
// in r, what is wrong with the key an error.
func ReadTrust(dir string, r *store.Report) (Trust, error) {
	text, err := os.ReadFile(filepath.Join(dir, KeyFile))
	if err != nil {
		return Trust{}, fmt.Errorf("read the seal key: %w", err)
	}
	key, err := seal.ParseKey(string(text))
	if err != nil {
		return Trust{}, err
	}
	t := Trust{Public: key.Public(), Heads: make(map[access.Tenant][]seal.Head)}
	f, err := os.Open(filepath.Join(dir, File))
	if errors.Is(err, fs.ErrNotExist) {
		r.Find("head", "The log of signed heads (%s) is missing.", File)
		return t, nil
	}
	if err != nil {
		return Trust{}, err
	}
	defer func() { _ = f.Close() }() // only read
	lines := bufio.NewScanner(f)
	for n := 1; lines.Scan(); n++ {
		var l line
		if json.Unmarshal(lines.Bytes(), &l) != nil {
			r.Count("torn lines in "+File, 1) // by a power cut: the next line carries the same and more
			continue
		}
		h, err := seal.ParseHead(l.Note, t.Public)
		if err != nil {
			r.Find("head", "Line %d of %s is no head signed by this store's key.", n, File)
			continue
		}
		t.Heads[l.Tenant] = append(t.Heads[l.Tenant], h)
		r.Count("heads kept outside the database", 1)
	}
	return t, lines.Err()
}
