package app_test

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"filippo.io/age"

	"github.com/paywatt/paywatt/internal/app"
)

// TestAnEncryptedBackupOpensOnlyWithAnIdentity: each recipient opens it, nobody else does, and a changed or cut file is refused.
func TestAnEncryptedBackupOpensOnlyWithAnIdentity(t *testing.T) {
	from, box := t.TempDir(), t.TempDir()
	content := bytes.Repeat([]byte("the books of a utility\n"), 9000) // more than two chunks of age
	if err := errors.Join(os.WriteFile(filepath.Join(from, "paywatt.db"), content, 0o600), os.WriteFile(filepath.Join(from, "data.key"), []byte("secret"), 0o600)); err != nil {
		t.Fatal(err)
	}
	first, a := ageIdentity(t, box, "first")
	second, b := ageIdentity(t, box, "second")
	stranger, _ := ageIdentity(t, box, "stranger")
	to, err := app.Recipients([]string{a, " " + b})
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(box, "backup.age")
	if err := app.SealBackup(from, file, to); err != nil {
		t.Fatal(err)
	}
	if err := app.SealBackup(from, file, to); err == nil {
		t.Error("a backup was replaced")
	}
	sealed, err := os.ReadFile(file)
	if err != nil || bytes.Contains(sealed, []byte("utility")) || bytes.Contains(sealed, []byte("secret")) {
		t.Errorf("the file shows its content; %v", err)
	}
	for _, id := range []string{first, second} {
		dir := t.TempDir()
		if err := app.OpenBackup(file, id, dir); err != nil {
			t.Fatal(err)
		}
		got, err := os.ReadFile(filepath.Join(dir, "paywatt.db"))
		if err != nil || !bytes.Equal(got, content) {
			t.Errorf("opened: %d bytes, %v", len(got), err)
		}
	}
	if err := app.OpenBackup(file, stranger, t.TempDir()); !errors.Is(err, app.ErrBackupKey) {
		t.Errorf("a stranger opened it: %v", err)
	}
	for name, broken := range map[string][]byte{"cut": sealed[:len(sealed)-1], "cut at a chunk": sealed[:len(sealed)-70_000], "changed": append(sealed[:len(sealed)-9:len(sealed)-9], "123456789"...)} {
		path := filepath.Join(box, "broken")
		if err := os.WriteFile(path, broken, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := app.OpenBackup(path, first, t.TempDir()); err == nil {
			t.Errorf("%s: opened", name)
		}
	}
	if _, err := app.Recipients([]string{a, "age1nonsense"}); !errors.Is(err, app.ErrBackupKey) {
		t.Errorf("a recipient that is none: %v", err)
	}
	if err := os.Chmod(first, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := app.OpenBackup(file, first, t.TempDir()); !errors.Is(err, app.ErrBackupKey) {
		t.Errorf("an identity that others can read: %v", err)
	}
	names, err := filepath.Glob(filepath.Join(box, ".*"))
	if err != nil || len(names) > 0 {
		t.Errorf("temporary files are left: %v, %v", names, err)
	}
}

// ageIdentity writes a new identity into a file and returns its public key too.
func ageIdentity(t *testing.T, dir, name string) (path, public string) {
	t.Helper()
	id, err := age.GenerateX25519Identity()
	path = filepath.Join(dir, name)
	if err == nil {
		err = os.WriteFile(path, []byte(id.String()+"\n"), 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	return path, id.Recipient().String()
}
