package app

import (
	"archive/tar"
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"filippo.io/age"

	"github.com/paywatt/paywatt/internal/keystore"
)

// ErrBackupKey means that a recipient or an identity of an encrypted backup cannot be used.
var ErrBackupKey = errors.New("unusable key of an encrypted backup")

// Recipients reads the public keys for which a backup is encrypted: age1 and further characters.
func Recipients(texts []string) (out []age.Recipient, err error) {
	for _, text := range texts {
		r, err := age.ParseX25519Recipient(strings.TrimSpace(text))
		if err != nil {
			return nil, fmt.Errorf("%w: %q is not a public key of age: it begins with age1 and has 62 characters", ErrBackupKey, text)
		}
		out = append(out, r)
	}
	return out, nil
}

// SealBackup writes the files of a plain backup in the folder from into one new file, encrypted for the recipients. The file appears
// complete or not at all.
func SealBackup(from, to string, recipients []age.Recipient) (err error) {
	if _, err := os.Lstat(to); err == nil {
		return fmt.Errorf("%s exists already", to)
	}
	f, err := os.CreateTemp(filepath.Dir(to), "."+filepath.Base(to)+"-*") // mode 0600
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, f.Close(), os.Remove(f.Name()))
		}
	}()
	buffer := bufio.NewWriterSize(f, 1<<20)
	sealed, err := age.Encrypt(buffer, recipients...)
	if err != nil {
		return err
	}
	pack := tar.NewWriter(sealed)
	if err := pack.AddFS(os.DirFS(from)); err != nil {
		return err
	}
	for _, step := range []func() error{pack.Close, sealed.Close, buffer.Flush, f.Sync} {
		if err := step(); err != nil {
			return err
		}
	}
	if err := os.Link(f.Name(), to); err != nil { // never replaces another backup
		return err
	}
	return errors.Join(f.Close(), os.Remove(f.Name()), keystore.SyncFolder(filepath.Dir(to)))
}

// OpenBackup decrypts the backup in the file from with the identities in a file, and writes its files into the empty folder to.
func OpenBackup(from, identities, to string) error {
	if err := keystore.CheckPrivate(identities); err != nil {
		return fmt.Errorf("%w: %w", ErrBackupKey, err)
	}
	keys, err := os.Open(identities)
	if err != nil {
		return err
	}
	defer keys.Close()
	ids, err := age.ParseIdentities(keys)
	if err != nil {
		return fmt.Errorf("%w: %s has no identity: it begins with AGE-SECRET-KEY-1", ErrBackupKey, identities) // the cause may quote the file
	}
	f, err := os.Open(from)
	if err != nil {
		return err
	}
	defer f.Close()
	plain, err := age.Decrypt(bufio.NewReaderSize(f, 1<<20), ids...)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrBackupKey, err)
	}
	pack := tar.NewReader(plain)
	for {
		h, err := pack.Next()
		if errors.Is(err, io.EOF) {
			_, err = io.Copy(io.Discard, plain) // the end is authenticated too
			return err
		}
		if err == nil {
			err = unpack(pack, h, to)
		}
		if err != nil {
			return fmt.Errorf("read the encrypted backup: %w", err)
		}
	}
}

// unpack writes one file of a backup. A backup has only plain files, in one folder.
func unpack(pack io.Reader, h *tar.Header, to string) error {
	if h.Typeflag == tar.TypeDir && filepath.Clean(h.Name) == "." {
		return nil
	}
	if h.Typeflag != tar.TypeReg || h.Name != filepath.Base(h.Name) || !filepath.IsLocal(h.Name) {
		return fmt.Errorf("unexpected entry %q", h.Name)
	}
	f, err := os.OpenFile(filepath.Join(to, h.Name), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(f, pack) // the tar reader ends at the size in the header
	return errors.Join(err, f.Sync(), f.Close())
}

// IsSealedBackup reports whether a backup is an encrypted file and not a folder.
func IsSealedBackup(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular()
}
