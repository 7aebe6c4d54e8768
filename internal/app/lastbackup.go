package app

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/paywatt/paywatt/internal/atomicfile"
)

// lastBackupFile is the file of the data folder that says when the last backup was made.
const lastBackupFile = "last-backup"

// NoteBackup records in the data folder that a backup was made, with everything that was committed before a time.
func NoteBackup(dir string, taken time.Time) error {
	text := []byte(taken.UTC().Format(time.RFC3339) + "\n")
	return atomicfile.WriteFile(filepath.Join(dir, lastBackupFile), 0o600, atomicfile.Content(text))
}

// lastBackup returns what tells when the last backup was made; nil for PostgreSQL, whose own tools make backups.
func (a *App) lastBackup() func() (time.Time, error) {
	if a.engine.shared != nil {
		return nil
	}
	return func() (time.Time, error) { return LastBackup(a.c.Data) }
}

// LastBackup returns when the last backup of a data folder was made; zero if none was noted.
func LastBackup(dir string) (time.Time, error) {
	text, err := os.ReadFile(filepath.Join(dir, lastBackupFile))
	if errors.Is(err, fs.ErrNotExist) {
		return time.Time{}, nil
	}
	if err != nil {
		return time.Time{}, err
	}
	at, err := time.Parse(time.RFC3339, strings.TrimSpace(string(text)))
	if err != nil {
		return time.Time{}, fmt.Errorf("read when the last backup was made: %w", err)
	}
	return at, nil
}
