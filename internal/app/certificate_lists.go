package app

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"math/big"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/paywatt/paywatt/internal/atomicfile"
	"github.com/paywatt/paywatt/internal/authority"
)

// The number of the newest list of revoked certificates of each authority survives a restart, so that an old list cannot bring a certificate
// back. It is in the data folder and not in the database: each server of a cluster has its own list, and one that has the newest list later
// than the others must be able to start. Whoever can write to this folder has the keys anyway, and a restore of the database does not
// change it.

// newestListsFile is this file of the data folder. Each line is an authority and a number; the last line is the SHA-256 of the others.
const newestListsFile = "revoked.newest"

// errNewestLists: the numbers are lost. They are then written anew from the lists in use. Until a list was taken, any list counts: a server that
// starts without the numbers is better than one that does not start, or that refuses every list because of one wrong digit.
var errNewestLists = errors.New("the numbers of the newest lists of revoked certificates cannot be read, and begin anew with the lists in use")

// readNewestLists reads the numbers of a data folder; none if nothing was written yet.
func readNewestLists(dir string) (authority.Newest, error) {
	text, err := os.ReadFile(filepath.Join(dir, newestListsFile))
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, nil
	case err != nil:
		return nil, fmt.Errorf("%w: %w", errNewestLists, err)
	}
	newest := authority.Newest{}
	for line := range strings.Lines(string(text)) {
		if key, digits, found := strings.Cut(strings.TrimSuffix(line, "\n"), " "); found {
			if number, ok := new(big.Int).SetString(digits, 10); ok {
				newest[key] = number
			}
		}
	}
	if !bytes.Equal(text, newestListsText(newest)) {
		return nil, fmt.Errorf("%w: %s is damaged", errNewestLists, newestListsFile)
	}
	return newest, nil
}

// writeNewestLists writes the numbers into a data folder.
func writeNewestLists(dir string, newest authority.Newest) error {
	return atomicfile.WriteFile(filepath.Join(dir, newestListsFile), 0o600, atomicfile.Content(newestListsText(newest)))
}

// newestListsText returns the content of the file.
func newestListsText(newest authority.Newest) []byte {
	var text []byte
	for _, key := range slices.Sorted(maps.Keys(newest)) {
		text = fmt.Appendf(text, "%s %d\n", key, newest[key])
	}
	sum := sha256.Sum256(text)
	return append(text, hex.EncodeToString(sum[:])+"\n"...)
}
