package headlog

import (
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/paywatt/paywatt/internal/atomicfile"
	"github.com/paywatt/paywatt/internal/fault"
	"github.com/paywatt/paywatt/internal/seal"
)

// OpenKey reads the key that signs the logs' heads from a data folder, with the keys before it, and makes it on first use. Several processes
// may do so at the same time: the file appears complete or not at all, and the first process wins.
func OpenKey(dir string, rnd io.Reader) (seal.Key, seal.Chain, error) {
	path := filepath.Join(dir, KeyFile)
	k, c, err := readKey(path)
	if errors.Is(err, fs.ErrNotExist) {
		if err := makeKey(path, rnd); err != nil {
			return k, c, fmt.Errorf("make %s: %w", path, err)
		}
		k, c, err = readKey(path)
	}
	return k, c, err
}

func readKey(path string) (seal.Key, seal.Chain, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return seal.Key{}, seal.Chain{}, fmt.Errorf("read the seal key: %w", err)
	}
	k, c, err := seal.ParseKeyFile(string(text))
	return k, c, fault.Wrap(err, "%s", path)
}

// NewKey makes a seal key with a name of its own.
func NewKey(rnd io.Reader) (seal.Key, error) {
	var name [4]byte
	if _, err := io.ReadFull(rnd, name[:]); err != nil {
		return seal.Key{}, err
	}
	return seal.NewKey("paywatt-"+hex.EncodeToString(name[:]), rnd)
}

func makeKey(path string, rnd io.Reader) error {
	k, err := NewKey(rnd)
	if err != nil {
		return err
	}
	// Another process may have been first: a key is never overwritten.
	if err := atomicfile.CreateFile(path, 0o600, atomicfile.Content([]byte(k.Reveal()))); !errors.Is(err, fs.ErrExist) {
		return err
	}
	return nil
}
