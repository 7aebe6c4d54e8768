package keystore_test

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/paywatt/paywatt/internal/keystore"
)

func openData(t *testing.T, dir string) *keystore.DataKey {
	t.Helper()
	d, err := keystore.OpenData(dir)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func TestSealedTextOpensOnlyInItsPlace(t *testing.T) {
	dir := t.TempDir()
	d := openData(t, dir)
	plain := []byte("12345678901234567890")
	box := d.Seal("token:tok_1", plain)
	if bytes.Contains(box, plain) {
		t.Fatal("the sealed text holds the plain one")
	}
	if got, err := openData(t, dir).Open("token:tok_1", box); err != nil || !bytes.Equal(got, plain) {
		t.Errorf("after a restart: %q, %v", got, err)
	}
	if bytes.Equal(box, d.Seal("token:tok_1", plain)) {
		t.Error("sealing twice gave the same bytes: equal secrets can be seen to be equal")
	}
	if _, err := d.Open("token:tok_2", box); !errors.Is(err, keystore.ErrSealed) {
		t.Errorf("another context: %v", err)
	}
	if _, err := openData(t, t.TempDir()).Open("token:tok_1", box); !errors.Is(err, keystore.ErrSealed) {
		t.Errorf("another data key: %v", err)
	}
	for i := range box {
		bad := bytes.Clone(box)
		bad[i] ^= 1
		if _, err := d.Open("token:tok_1", bad); !errors.Is(err, keystore.ErrSealed) {
			t.Errorf("byte %d changed: %v", i, err)
		}
	}
	for n := range box {
		if _, err := d.Open("token:tok_1", box[:n]); !errors.Is(err, keystore.ErrSealed) {
			t.Errorf("cut to %d bytes: %v", n, err)
		}
	}
	if got, err := d.Open("empty", d.Seal("empty", nil)); err != nil || len(got) != 0 {
		t.Errorf("empty text: %q, %v", got, err)
	}
}

func TestHashFindsAgainAndTellsContextsApart(t *testing.T) {
	dir := t.TempDir()
	d := openData(t, dir)
	h := d.Hash("ab", []byte("cd"))
	if len(h) != 32 {
		t.Fatalf("hash of %d bytes, want 32", len(h))
	}
	if !bytes.Equal(h, openData(t, dir).Hash("ab", []byte("cd"))) {
		t.Error("another process hashes otherwise")
	}
	for name, other := range map[string][]byte{
		"data":         d.Hash("ab", []byte("ce")),
		"context":      d.Hash("ac", []byte("cd")),
		"the boundary": d.Hash("abc", []byte("d")),
		"the key":      openData(t, t.TempDir()).Hash("ab", []byte("cd")),
	} {
		if bytes.Equal(h, other) {
			t.Errorf("changing %s does not change the hash", name)
		}
	}
}

func TestProcessesThatStartTogetherGetOneDataKey(t *testing.T) {
	dir := t.TempDir()
	const together = 16
	hashes := make([][]byte, together)
	var wg sync.WaitGroup
	for i := range together {
		wg.Go(func() {
			d, err := keystore.OpenData(dir)
			if err != nil {
				t.Error(err)
				return
			}
			hashes[i] = d.Hash("x", nil)
		})
	}
	wg.Wait()
	for i := range hashes {
		if !bytes.Equal(hashes[i], hashes[0]) {
			t.Fatalf("process %d has another data key than process 0", i)
		}
	}
	left, err := os.ReadDir(dir)
	if err != nil || len(left) != 1 {
		t.Errorf("files left behind: %v, %v", left, err)
	}
}

func TestDamagedDataKeyIsRefused(t *testing.T) {
	for name, c := range map[string]struct {
		size int
		mode os.FileMode
		want string
	}{
		"short":             {31, 0o600, "31 bytes"},
		"long":              {33, 0o600, "33 bytes"},
		"empty":             {0, 0o600, "0 bytes"},
		"readable by group": {32, 0o640, "chmod 600"},
		"readable by all":   {32, 0o604, "chmod 600"},
	} {
		dir := t.TempDir()
		path := filepath.Join(dir, keystore.DataFileName)
		if err := os.WriteFile(path, make([]byte, c.size), c.mode); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(path, c.mode); err != nil { // sets the mode whatever the umask is
			t.Fatal(err)
		}
		if _, err := keystore.OpenData(dir); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v, want %q in it", name, err, c.want)
		}
	}
	dir := t.TempDir()
	openData(t, dir)
	info, err := os.Stat(filepath.Join(dir, keystore.DataFileName))
	if err != nil || info.Mode().Perm() != 0o600 || info.Size() != 32 {
		t.Errorf("a new data key: %v, %v", info, err)
	}
}
